/** Exit codes of the scripts below; small tools have none of their own for these. */
export const MISSING = 44;
export const FORBIDDEN = 45;
export const DISK_FULL = 46;

/** `there PATH`: ends with MISSING, or with FORBIDDEN where a folder on the way to it is closed to us. */
const THERE = `
there() {
  [ -e "$1" ] && return
  up=$1
  while up=\${up%/*} && [ -n "$up" ]; do
    [ -d "$up" ] || continue
    [ -x "$up" ] || exit ${FORBIDDEN}
    break
  done
  exit ${MISSING}
}
`;

/** PATH LIMIT: its bytes on standard output, at most so many. */
export const READ = `${THERE}
there "$1"
[ -r "$1" ] || exit ${FORBIDDEN}
exec head -c "$2" "$1"
`;

/**
 * PATH MODE BYTES, content on standard input. Under another name first: whoever reads it sees the old content or the
 * new, never a part, and never wider rights. A lost connection ends this shell before it renames.
 */
export const WRITE = `${THERE}
there "\${1%/*}/."
umask 077
full() {
  df -Pk "\${1%/*}/." | tail -n 1 | awk -v left="$2" '{ exit !($2 > 0 && $4 * 1024 <= left) }'
}
draft=$(mktemp "$1.XXXXXX" 2>/dev/null) || { full "$1" 0 && exit ${DISK_FULL} || exit ${FORBIDDEN}; }
cat >"$draft" && chmod "$2" "$draft" && mv -f "$draft" "$1" && exit
failed=$?
left=$(($3 - $(wc -c <"$draft")))
full "$1" "$left" && failed=${DISK_FULL}
rm -f "$draft"
exit "$failed"
`;

/** PATH deep|flat: see entriesOf in files.ts. */
export const LIST = `${THERE}
there "$1"
[ -d "$1" ] || exit ${MISSING}
[ -r "$1" ] && [ -x "$1" ] || exit ${FORBIDDEN}
cd "$1" || exit
each='for path do
  facts=$(stat -c "%f %s %Y" "$path" 2>/dev/null)
  closed=
  [ -d "$path" ] && [ ! -L "$path" ] && [ "$0" = deep ] && { [ -r "$path" ] && [ -x "$path" ] || closed=forbidden; }
  printf "%s\\0%s\\0%s\\0" "$path" "$closed" "$facts"
done'
if [ "$2" = deep ]; then
  find . ! -name . -exec sh -c "$each" deep {} + 2>/dev/null
else
  find . ! -name . -prune -exec sh -c "$each" flat {} + 2>/dev/null
fi
exit 0
`;

/** PATH, links followed. */
export const ENTRY = `${THERE}
there "$1"
exec stat -L -c '%f %s %Y' "$1"
`;

/** PATH: kibibytes that an ordinary user may still write on its file system. */
export const FREE = `${THERE}
there "$1"
df -Pk "$1" | tail -n 1 | awk '{ print $4 }'
`;
