# xenstore-read, -write and their like: what they print, byte for byte as Debian's do.

== a value is printed on a line of its own, with -p behind its key
$ xenstore-write /t/a 1 /t/b/c 'x y' && xenstore-read /t/a /t/b/c && xenstore-read -p /t/a && xenstore-read --prefix /t/b/c
> 1
> x y
> /t/a: 1
> /t/b/c: x y

== what can't be printed is escaped, and escapes are written
$ xenstore-write /t/esc 'a\tb\nc\\d\x80\001\x7f\x1be\q\x4' && xenstore-read /t/esc
> a\tb\nc\\d\x80\001\x7f\x1beq\004

== raw values come and go as they are
$ xenstore-write -R /t/raw 'a\n' && xenstore-read -R /t/raw && echo && xenstore-read /t/raw && xenstore-rm /t/raw
> a\n
> a\\n

== a missing key is named, after what was there
$ xenstore-read /t/a /t/nope
> 1
! xenstore-read: couldn't read path /t/nope
? 1

== long options are known
$ xenstore-read --socket --raw /t/a; xenstore-list --socket --prefix /t/b
> 1/t/b/c

== without a key comes the usage
$ xenstore-read
! xenstore-read: Usage: xenstore-read [-h] [-p] [-s] [-R] key [...]
? 1

== -h is the usage too
$ xenstore-list --help
! xenstore-list: Usage: xenstore-list [-h] [-p] [-s] key [...]
? 1

== an unknown option is an error
$ xenstore-read -x /t/a
! xenstore-read: invalid option -- 'x'
! xenstore-read: Usage: xenstore-read [-h] [-p] [-s] [-R] key [...]
? 1

== a key without a value writes nothing
$ xenstore-write /t/a 2 /t/b; xenstore-read /t/a
> 1
! xenstore-write: Usage: xenstore-write [-h] [-s] [-R] key value [...]

== a write that fails half-way leaves nothing
$ xenstore-write /t/a 2 /t/.. 3; echo $?; xenstore-read /t/a
> 1
> 1
! xenstore-write: could not write path /t/..

== names of children, in the order of their creation
$ xenstore-list /t; xenstore-list -p /t/b; xenstore-list /t/nope
> a
> b
> esc
> /t/b/c
! xenstore-list: could not list path /t/nope
? 1

== exists says nothing but by its status
$ xenstore-exists /t/a /t/b; echo $?; xenstore-exists /t/a /t/nope
> 0
? 1

== removing takes what is below, and what is gone already is no error
$ xenstore-write /t/r/s 1 && xenstore-rm /t/r && xenstore-rm /t/r && xenstore-exists /t/r/s
? 1

== removing below what isn't there is an error
$ xenstore-rm /t/x/y
! xenstore-rm: could not remove path /t/x/y
? 1

== the root can't be removed
$ xenstore-rm /
! xenstore-rm: could not remove path /
? 1

== tidying takes the empty parents, too
$ xenstore-write /t/r/s/u 1 && xenstore-rm --tidy /t/r/s/u && xenstore-list /t
> a
> b
> esc

== a tree is indented by one blank a level
$ xenstore-ls /t
> a = "1"
> b = ""
>  c = "x y"
> esc = "a\tb\nc\\d\x80\001\x7f\x1beq\004"

== or has whole paths
$ xenstore-ls -f /t/b; xenstore-ls --flat /t/b
> /t/b/c = "x y"
> /t/b/c = "x y"

== permissions stand behind a dotted line, or behind a whole path
$ xenstore-chmod /t/b/c b1 r2 && xenstore-ls -p /t && xenstore-ls -fp /t/b
> a = "1"  . . . . . . . . . . . . . . . . . . . . . . . . . .  (n0)
> b = "" . . . . . . . . . . . . . . . . . . . . . . . . . . .  (n0)
>  c = "x y" . . . . . . . . . . . . . . . . . . . . . . . . .  (b1,r2)
> esc = "a\tb\nc\\d\x80\001\x7f\x1beq\004" . . . . . . . . . .  (n0)
> /t/b/c = "x y"   (b1,r2)

== a line that would be too long is cut, without -w
$ v=$(printf '%0100d' 0); xenstore-write /t/l/k69 "$(printf '%069d' 0)" /t/l/k70 "$(printf '%070d' 0)"; xenstore-ls /t/l; xenstore-ls -w /t/l; xenstore-rm /t/l
> k69 = "000000000000000000000000000000000000000000000000000000000000000000000"
> k70 = "000000000000000000000000000000000000000000000000000000000000000000000\..."
> k69 = "000000000000000000000000000000000000000000000000000000000000000000000"
> k70 = "0000000000000000000000000000000000000000000000000000000000000000000000"

== a tree that isn't there
$ xenstore-ls /nope
! xenstore-ls: could not access path /nope: No such file or directory
? 1

== permissions of all below, and of all above
$ xenstore-chmod -r /t/b n3 && xenstore-ls -fp /t/b && xenstore-chmod -u /t/b/c n0 r4 && xenstore-ls -p /t | grep b && xenstore-ls -fp /t/b
> /t/b/c = "x y"   (n3)
> b = "" . . . . . . . . . . . . . . . . . . . . . . . . . . .  (n0,r4)
> esc = "a\tb\nc\\d\x80\001\x7f\x1beq\004" . . . . . . . . . .  (n0)
> /t/b/c = "x y"   (n0,r4)

== a mode is a letter and a domain
$ xenstore-chmod /t/a x5
! xenstore-chmod: Invalid permission specification: 'x5'
? 1

== at most sixteen of them
$ xenstore-chmod /t/a n1 n2 n3 n4 n5 n6 n7 n8 n9 n10 n11 n12 n13 n14 n15 n16 n17
! xenstore-chmod: /t/a: too many permissions
? 1

== permissions of what isn't there
$ xenstore-chmod /t/nope r5
! xenstore-chmod: could not set permissions of /t/nope: No such file or directory
? 1

== a watch prints its own key first, then what changes
$ xenstore-watch -n 2 /t/b | while read -r p; do echo "$p"; xenstore-write /t/b/d 1; done
> /t/b
> /t/b/d

== a number of events must be one
$ xenstore-watch -n many /t
! xenstore-watch: many is no number
! xenstore-watch: Usage: xenstore-watch [-h] [-n NR] [-s] key [...]
? 1

== one program has all the commands
$ ln -s "$(command -v xenstore-cli)" xenstore && ./xenstore read /t/a && ./xenstore nosuch 2>&1 | head -1
> 1
> usage: xenstore COMMAND ...

== a daemon that isn't there is named
$ XENSTORED_PATH=/nowhere/socket xenstore-read /t/a
! xenstore-read: xenstored can't be reached at /nowhere/socket: No such file or directory
? 1

== the read-only socket answers but changes nothing
$ XENSTORED_PATH=${XENSTORED_PATH}_ro xenstore-read /t/a; XENSTORED_PATH=${XENSTORED_PATH}_ro xenstore-write /t/a 2
> 1
! xenstore-write: could not write path /t/a
? 1

== check counts nodes and faults
$ xenstore-control check
~ ^OK: [0-9]+ nodes, 0 faults$

== a limit is read, set, and refused
$ xenstore-control quota set nodes 900 && xenstore-control quota | grep '^nodes' && xenstore-control quota set nodes 1000 && xenstore-control quota set nosuch 1
> OK
> nodes             :        900  nodes that a domain owns
> OK
! xenstore-control: quota: Invalid argument
? 1

== what a domain uses
$ xenstore-control quota 3; xenstore-write /t/of3 12345 && xenstore-chmod /t/of3 n3 && xenstore-control quota 3 | head -1; xenstore-rm /t/of3
> nodes             :          1
! xenstore-control: quota: No such file or directory

== memory, by domain, in an answer or a file
$ xenstore-control memreport | grep -c '^store: \|^watches: \|^transactions: \|^domain ' && xenstore-control memreport "$PWD/m" && grep -c . m
~ ^4$
~ ^OK$

== a trace tells who asked for what, and what came of it
$ xenstore-control logfile "$PWD/trace" && xenstore-write /t/a 7 && xenstore-read /t/nope; sed 's/^[^ ]* //; s/client[0-9]*/client/; s/tx[0-9]*/tx/' trace | grep 'WRITE\|READ'
> OK
> dom0 client WRITE tx "/t/a 7" -> OK
> dom0 client READ tx "/t/nope" -> ENOENT
! xenstore-read: couldn't read path /t/nope

== an unknown command is an error
$ xenstore-control nosuch
! xenstore-control: nosuch: Invalid argument
? 1

== a live update keeps the connections, their watches and the store
$ xenstore-watch -n 2 /t/a | while read -r p; do echo "$p"; [ -e done ] || xenstore-control live-update "$(command -v xenstored)"; : >done; xenstore-write /t/a 8; done; xenstore-read /t/a
> /t/a
> OK
> /t/a
> 8

== … and is refused to what is no such daemon, or is none at all
$ xenstore-control live-update /bin/true; xenstore-control live-update /nowhere
! xenstore-control: live-update: Invalid argument
! xenstore-control: live-update: No such file or directory
? 1

== after SIGHUP the trace is written to a new file
$ xenstore-control logfile "$PWD/t1" && mv t1 t0 && kill -HUP "$TEST_XENSTORED_PID" && until [ -e t1 ]; do sleep 0.1; done; xenstore-read /t/a && grep -c 'READ.*/t/a' t1; grep -c 'READ.*/t/a' t0
> OK
> 8
> 1
> 0
? 1

== a host without Xen is served, and the log says that it is one
$ [ -e /dev/xen/privcmd ] || grep -q 'no hypervisor here' "$XENSTORED_RUNDIR/log"

== every option of the daemon, and every command of it, stands in its manual
$ xenstored --help | grep -o -- '--[a-z-]*' | sed 's/-/\\-/g' | while read -r o; do grep -qF -- "$o" "$TEST_MAN/xenstored.8" || echo "$o"; done; xenstore-control help | sed 's/ .*//; s/-/\\-/g' | while read -r c; do grep -qF -- "$c" "$TEST_MAN/xenstore-control.8" || echo "$c"; done

== every long option of the clients does, too
$ for o in flat help number prefix raw recurse socket tidy upto; do grep -q -- "--$o\|\\\\-\\\\-$o" "$TEST_MAN/xenstore.1" || echo $o; done

== a daemon on a bare host makes its directories, and keeps the store over a kill
$ export XENSTORED_RUNDIR=$PWD/run XENSTORED_LOGDIR=$PWD/log XENSTORED_PATH=; xenstored -F pid && xenstore-write /a 1 && kill -9 $(cat pid) && xenstored -F pid && xenstore-read /a; kill $(cat pid)
> 1

== a second daemon on the same store is refused, and says where to read why
$ export XENSTORED_RUNDIR=$PWD/run XENSTORED_LOGDIR=$PWD/log XENSTORED_PATH=; xenstored -F pid && xenstored; echo $?; kill $(cat pid); grep -c 'another xenstored runs' log/xenstored.log
> 1
> 1
~! ^xenstored: not started; .*/log/xenstored.log says why$

== a wrong option is named
$ xenstored -E many || xenstored -Q nosuch=1 || xenstored --quota memory || xenstored extra
! xenstored: a limit must be a number, not: many (xenstored --help lists the options)
! xenstored: unknown quota: nosuch=1 (xenstored --help lists the options)
! xenstored: a quota is NAME=NUMBER, not: memory (xenstored --help lists the options)
! xenstored: unexpected argument: extra (xenstored --help lists the options)
? 1
