import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createdUpdatedSince3, tags } from '../schema/common.ts';
import type { Json } from '../schema/field.ts';
import { foreign, text } from '../schema/field.ts';
import { asText, type Entity } from '../schema/fill.ts';
import type { Errors } from '../schema/validate.ts';
import type { EntityKind } from './entity.ts';

export const certificates: EntityKind = {
  name: 'certificates',
  path: 'certificates',
  unique: {},
  fields: {
    ...createdUpdatedSince3,
    cert: text({ required: true }),
    key: text({ required: true, encrypted: true }),
    cert_alt: text(),
    key_alt: text({ encrypted: true }),
    tags,
  },
  inspect: inspectPair,
};

function inspectPair(entity: Entity): Errors {
  const certificate = parse(entity['cert']);
  if (certificate === null) return { cert: 'invalid certificate' };
  try {
    const key = createPrivateKey(asText(entity['key']));
    return certificate.checkPrivateKey(key) ? {} : { '@entity': ['certificate does not match key'] };
  } catch {
    return { key: 'invalid key' };
  }
}

export const snis: EntityKind = {
  name: 'snis',
  path: 'snis',
  endpointKey: 'name',
  unique: { snis_name_key: ['name'] },
  fields: {
    ...createdUpdatedSince3,
    name: text({ required: true, unique: true }),
    certificate: foreign('certificates', { required: true }),
    tags,
  },
};

export const caCertificates: EntityKind = {
  name: 'ca_certificates',
  path: 'ca_certificates',
  unique: { ca_certificates_cert_digest_key: ['cert_digest'] },
  global: true,
  fields: {
    ...createdUpdatedSince3,
    cert: text({ required: true }),
    cert_digest: text({ unique: true }),
    tags,
  },
  inspect: inspectAuthority,
  finish: (entity) => ({ ...entity, cert_digest: digest(asText(entity['cert'])) }),
};

function inspectAuthority(entity: Entity): Errors {
  const certificate = parse(entity['cert']);
  if (certificate === null) return { cert: 'invalid certificate' };
  if (Date.parse(certificate.validTo) < Date.now())
    return { '@entity': ['certificate expired, "Not After" time is in the past'] };
  if (certificate.ca) return {};
  return {
    '@entity': ['certificate does not appear to be a CA because it is missing the "CA" basic constraint'],
  };
}

/** SHA-256 of the certificate itself, which is how Kong tells two authorities apart. */
function digest(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
}

function parse(pem: Json | undefined): X509Certificate | null {
  try {
    return new X509Certificate(asText(pem));
  } catch {
    return null;
  }
}
