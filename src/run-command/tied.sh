#!/bin/sh
# Runs "$@" and ends its whole process group when file descriptor 3 reaches its end: that is when whoever holds the
# other end dies, by SIGKILL too. Hands standard input through and keeps the exit status, or the signal.
# Started as the leader of a process group of its own. POSIX sh; tested with dash and bash.

exec 4<&0 # without job control a background command would read from /dev/null
"$@" <&4 3<&- 4<&- &
program=$!
(
  trap '' TERM
  read -r nothing <&3
  kill -s KILL $$ # first: on its way out it would end this watch before the stubborn ones are dead
  kill -s TERM 0
  sleep 1
  kill -s KILL 0
) </dev/null >/dev/null 2>&1 4<&- &
watch=$!
exec </dev/null >/dev/null 2>&1 3<&- 4<&- # so that the program's end is the end of its pipes

trap : TERM # a TERM for the group is for the program; stay to report how it took it
while :; do
  wait "$program"
  status=$?
  kill -s 0 "$program" || break
done
kill -s KILL "$watch"

name=$([ "$status" -gt 128 ] && kill -l "$status")
case $name in
  HUP | INT | QUIT | ILL | ABRT | FPE | KILL | SEGV | PIPE | ALRM | TERM | BUS | SYS | XCPU | XFSZ | USR1 | USR2)
    ulimit -c 0
    trap - TERM
    kill -s "$name" $$
    ;;
esac
exit "$status"
