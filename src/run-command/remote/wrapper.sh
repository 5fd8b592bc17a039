# Runs a program on another machine, sent there by remote/script.ts and evaluated by its /bin/sh (dash, bash, busybox).
# Standard input carries frames: a line with a number of bytes, the bytes, a line end; "0" is the end of the program's
# own input. When standard input itself ends, the worker is gone or has changed its mind: everything here ends too.
# Both outputs carry the program's own, between "MARK ready" and "MARK end …".

kc_say() {
  printf '%s %s\n' "$kc_mark" "$1"
  printf '%s %s\n' "$kc_mark" "$1" >&2
}

# Last word: whatever the program left running in this process group goes with us.
kc_end() {
  # First the watch, which would take a folder that is gone for a full disk.
  [ -z "$kc_watch" ] || kill -s KILL "$kc_watch"
  [ -z "$kc_work" ] || rm -rf "$kc_work" 2>/dev/null || rm -rf "$kc_work"
  exec 2>&5
  kc_say "end $1"
  kill -s KILL 0
}

kc_begin() {
  exec 5>&2
  kc_mark=$1
  kc_umask=$(umask)
  umask 077
  for kc_base in /tmp /dev/shm /var/tmp; do
    kc_work=$(mktemp -d "$kc_base/kong-chatops-XXXXXX" 2>/dev/null) && break
  done
  kc_say ready
  [ -n "$kc_work" ] && mkdir "$kc_work/home" && mkfifo "$kc_work/input" "$kc_work/notes" || kc_end no-work-folder
  export HOME="$kc_work/home" TMPDIR="$kc_work/home" LANG=C.UTF-8
}

# kc_put VARIABLE CONTENT: printf is the shell's own, so the content is never an argument of a process.
kc_put() {
  printf '%s' "$2" >"$kc_work/file.$1" || kc_end no-work-folder
  export "$1=$kc_work/file.$1"
}

kc_find() {
  case $1 in
    /*) [ -f "$1" ] && [ -x "$1" ] && printf '%s' "$1" ;;
    *)
      IFS=:
      set -f
      for kc_folder in $PATH; do
        [ -f "$kc_folder/$1" ] && [ -x "$kc_folder/$1" ] && printf '%s' "$kc_folder/$1" && return
      done
      return 1
      ;;
  esac
}

# Never waits for the program, so that it always sees the end of its own input: frames go by files, a note for each.
kc_watch() {
  trap '' TERM PIPE
  kc_part=0
  while read -r kc_bytes; do
    if [ "$kc_bytes" = 0 ]; then
      echo eof
      continue
    fi
    kc_part=$((kc_part + 1))
    dd bs="$kc_bytes" count=1 iflag=fullblock of="$kc_work/$kc_part" 2>/dev/null || {
      printf '%s disk-full\n' "$kc_mark" >&2
      break
    }
    read -r kc_rest || break # a frame that was cut off must not reach the program
    echo "$kc_part"
  done
  kill -s TERM 0
  sleep 1
  rm -rf "$kc_work"
  kill -s KILL 0
}

kc_feed() {
  trap '' PIPE # a program may end its reading early
  while read -r kc_part && [ "$kc_part" != eof ]; do
    cat "$kc_work/$kc_part" 2>/dev/null
    rm -f "$kc_work/$kc_part"
    printf '%s ack\n' "$kc_mark" >&2
  done
}

# kc_run FOLDER PROGRAM ARGUMENT…
kc_run() {
  kc_cwd=$1
  kc_program=$(kc_find "$2") || kc_end not-found
  shift 2
  [ -z "$kc_cwd" ] || cd "$kc_cwd" 2>/dev/null || kc_end no-folder
  trap : TERM # a TERM for the group is for the program; stay to report how it took it
  exec 3<&0 </dev/null
  umask "$kc_umask"
  "$kc_program" "$@" <"$kc_work/input" 3<&- 5>&- &
  kc_pid=$!
  umask 077
  kc_feed <"$kc_work/notes" >"$kc_work/input" 3<&- &
  kc_watch <&3 >"$kc_work/notes" 3<&- &
  kc_watch=$!
  exec 3<&- 2>/dev/null # shells remark on signals
  while :; do
    wait "$kc_pid"
    kc_status=$?
    kill -s 0 "$kc_pid" 2>/dev/null || break
  done
  kc_end "status $kc_status"
}
