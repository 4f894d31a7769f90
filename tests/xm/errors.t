# What cannot work says so, on stderr, and fails.

== without a hypervisor a reading command says what to do
% root
$ xm list 2>&1 | head -1 | cut -c1-31
> Error: This system does not run
? 0

== without xend a changing command asks the question of old
% root
$ xm destroy foo
! Error: Unable to connect to xend: No such file or directory. Is xend running?
! Start it with: xend start
? 1

== halt and reboot exclude each other, without usage
$ xm shutdown foo -H -R
! Error: Can't specify halt and reboot
? 1

== shutdown wants a domain or all
$ xm shutdown -w
! Error: No domain parameter given
? 1

== shutdown takes one domain
$ xm shutdown a b
! Error: No multiple domain parameters allowed
? 1

== memory must be a number
$ xm mem-set foo lots
! Error: Invalid argument.
~ ^Usage: xm mem-set
? 1

== an unknown unit is said before anything else
$ xm mem-set foo 5x 2>/dev/null
> ignoring unknown unit
? 1

== no vcpus are too few
$ xm vcpu-set foo 0
! Error: Invalid VCPUs
~ ^Usage: xm vcpu-set
? 1

== a negative number is an argument, not an option
$ xm vcpu-set foo -1
! Error: Invalid VCPUs
~ ^Usage: xm vcpu-set
? 1

== a vcpu that is no number is refused as ever
$ xm vcpu-pin foo x 0
! Error: Cannot pin vcpu: x to cpu: [0] - invalid literal for int() with base 10: 'x'
~ ^Usage: xm vcpu-pin
? 1

== a cpu that is no number is an invalid argument
$ xm vcpu-pin foo 0 x
! Error: Invalid argument.
~ ^Usage: xm vcpu-pin
? 1

== sysrq takes one character
$ xm sysrq foo hh
! Error: hh is not convertible to a character
~ ^Usage: xm sysrq
? 1

== dmesg takes no word
$ xm dmesg foo
! Error: No parameter required
~ ^Usage: xm dmesg
? 1

== a state and a domain exclude each other
$ xm list --state=running foo
! Error: You may specify either a state or a particular VM, but not both
~ ^Usage: xm list
? 1

== start wants one domain
$ xm start
! Error: Expects 1 argument
~ ^Usage: xm start
? 1

== event-monitor answers as the old server did, with success
$ xm event-monitor
! Error: Event monitoring not supported unless using Xen-API.

== Xen-API commands say that they are
$ xm network-show
! Error: This function is only supported by Xen-API
? 1

== what is not there yet says so and fails
$ xm migrate foo host
! Error: 'xm migrate' is not available yet in this version.
? 1

== the same for devices
$ xm pci-list foo
! Error: 'xm pci-list' is not available yet in this version.
? 1

== a list of devices wants a domain
$ xm block-list
~ ^No domain parameter given$
~ ^Usage: xm block-list <Domain>
? 1

== and no more than one
$ xm network-list a b
~ ^No multiple domain parameters allowed$
? 1

== a disk is four or five words
$ xm block-attach foo phy:sda1 xvdb
~! ^Error: 'xm block-attach' requires between 4 and 5 arguments
~ ^Usage: xm block-attach <Domain> <BackDev>
? 1

== an interface's words are keys that are known, with values
$ xm network-attach foo colour=red 2>&1 | head -1
> Error: Invalid argument: colour=red

$ xm network-attach foo mac= 2>&1 | head -1
> Error: Invalid argument: mac=

$ xm network-attach foo bridge 2>&1 | head -1
> Error: Invalid argument: bridge

== xenconsole refuses what is no number
$ ln -s $(command -v xm) xenconsole && ./xenconsole abc
! Invalid DOMID 'abc'
? 22

== xenconsole refuses Domain-0
$ ln -s $(command -v xm) xenconsole && ./xenconsole 0
! Can't specify Domain-0
? 22

== xentop refuses unknown options
$ ln -s $(command -v xm) xentop && ./xentop -Q 2>&1 >/dev/null
> xentop: option -Q not recognized
? 1

== xend without a word prints its usage
% root
$ xend
~ ^usage: .*xend \{start\|stop\|reload\|restart\}$
? 1

== xend refuses other words
% root
$ xend dance
> not an option: dance
? 1

== xend's status is 3 while it is not running
% root
$ xend status
? 3

== no colour but on a terminal
$ TERM=xterm xm bogus 2>&1 >/dev/null | od -An -c | grep -c 033
> 0
? 1

== colour on a terminal
$ TERM=xterm script -qec 'xm bogus' /dev/null | head -1 | grep -c "$(printf '\033')"
> 1

== no colour with NO_COLOR, terminal or not
$ TERM=xterm NO_COLOR=1 script -qec 'xm bogus' /dev/null | head -1 | grep -c "$(printf '\033')"
> 0
? 1
