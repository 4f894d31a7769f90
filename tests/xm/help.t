# Help, usage, lookup: what a script sees that guesses wrong.

== a bare xm shows the common commands and fails
$ xm
~ ^Usage: xm <subcommand> \[args\]$
~ ^Common 'xm' commands:$
~ ^ console              [A-Z]
~ ^For a complete list of subcommands run 'xm help'\.$
? 1

== xm help lists everything and succeeds
$ xm help
~ ^xm full list of subcommands:$
~ ^ vcpu-pin             [A-Z]
~ ^ sched-credit         [A-Z]
~ ^ jobs                 [A-Z]

== further words after help are ignored
$ xm help --long create | head -1
> Usage: xm <subcommand> [args]

== xm --help is help
$ xm --help | sed -n 5p
> xm full list of subcommands:

== hidden commands are not listed
$ xm help | grep -c event-monitor
> 0
? 1

== an unknown command says so, then shows help
$ xm bogus | head -1
> Usage: xm <subcommand> [args]
! Error: Subcommand bogus not found!

== an unknown command fails
$ xm bogus >/dev/null 2>&1
? 1

== a misspelt command is guessed
$ xm destory >/dev/null
! Error: Subcommand destory not found!
! Did you mean destroy, restore?
? 1

== one letter abbreviates nothing
$ xm l 2>&1 >/dev/null
> Error: Subcommand l not found!
? 1

== an abbreviation that fits one command runs it
$ xm uptim --bogus
~! ^Error: option --bogus not recognized$
~ ^Usage: xm uptime
? 1

== an ambiguous abbreviation is not found
$ xm vcpu 2>&1 >/dev/null
> Error: Subcommand vcpu not found!
> Did you mean vcpu-list, vcpu-set, vcpu-pin?
? 1

== commands that are new take no abbreviation from the old ones
$ xm do 2>&1 >/dev/null | head -1
> Error: Subcommand do not found!

== an old name warns and runs the new command
$ xm balloon
! Command balloon is deprecated.  Please use xm mem-set instead.
! Error: 'xm mem-set' requires 2 arguments.
!
~ ^Usage: xm mem-set <Domain> <Mem>$
? 1

== --help anywhere after a command shows its usage and fails
$ xm destroy foo --help
> Usage: xm destroy <Domain>
>
> End a domain at once.
>   --timeout=SECONDS              Give up waiting after so long.             
>
? 1

== -h right after a command does the same
$ xm domid -h
> Usage: xm domid <DomainName>
>
> Turn a domain's name into its number.
>   --json                         Print JSON for other programs.             
>
? 1

== the wrong count says how many, always in the plural
$ xm domid
! Error: 'xm domid' requires 1 arguments.
!
~ ^Usage: xm domid
? 1

== a range of counts names both ends
$ xm shutdown
! Error: 'xm shutdown' requires between 1 and 4 arguments.
!
~ ^Usage: xm shutdown
? 1

== an unknown letter is refused in getopt's words
$ xm list -x
! Error: option -x not recognized
~ ^Usage: xm list
? 1

== a missing value is refused in getopt's words
$ xm sched-credit -d
! Error: option -d requires argument
~ ^Usage: xm sched-credit
? 1

== usage goes to stdout, the error to stderr
$ xm list --foo 2>/dev/null | head -1
> Usage: xm list [options] [Domain, ...]

== option rows stand in their columns
$ xm dmesg --help
> Usage: xm dmesg [-c|--clear]
>
> Show the hypervisor's messages.
>   -c, --clear                    Empty the buffer after reading it.         
>   --json                         Print JSON for other programs.             
>
? 1
