/** What was opened, to be closed in the opposite order. One that fails does not keep the others from closing. */
export interface Closers {
  add(name: string, close: () => Promise<unknown>): void;
  /** Closes everything once; a second call waits for the first. Throws an AggregateError of what failed. */
  close(): Promise<void>;
}

export function closers(): Closers {
  const open: { readonly name: string; readonly close: () => Promise<unknown> }[] = [];
  let closing: Promise<void> | undefined;
  const closeAll = async (): Promise<void> => {
    const failed: Error[] = [];
    for (const { name, close } of open.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        failed.push(new Error(`${name} did not close`, { cause: error }));
      }
    }
    if (failed.length > 0) throw new AggregateError(failed, failed.map(({ message }) => message).join('; '));
  };
  return {
    add: (name, close) => void open.push({ name, close }),
    close: () => (closing ??= closeAll()),
  };
}
