# create and its kin, as far as they go without xend.

== a dry run prints the expression, with the name on a line of its own
$ printf 'kernel = "/boot/vmlinuz"\nmemory = 64\n' >web; xm create -n web
> Using config file "./web".
> (vm
>     (name web)
>     (memory 64)
>     (vcpus 1)
>     (on_xend_start ignore)
>     (on_xend_stop ignore)
>     (image (linux (kernel /boot/vmlinuz)))
> )

== xendomains' call prints only the expression
$ printf 'name = "db"\nkernel = "/k"\n' >f; xm create --quiet --dryrun --defconfig f | grep name
>     (name db)

== a word with an equals sign overrides the file
$ printf 'memory = 64\n' >f; xm create -q -n f memory=128 | grep memory
>     (memory 128)

== no such file: the error, then the usage
$ xm create nosuch
~! ^Error: Unable to open config file: nosuch$
~ ^Usage: xm create
? 1

== no such expression
$ xm create -F nosuch
! Error: Cannot read file nosuch: No such file or directory
~ ^Usage: xm create
? 1

== a file that is no configuration names the line
$ printf 'memory = 64\nname = = 1\n' >f; xm create -n f
~! ^Error: Errors were found at line 2 while processing
? 1

== a misspelt variable gets a suggestion from lint
$ printf 'kernel = "/k"\nmemroy = 64\n' >f; xm lint f
~ f:2:.*memory
? 0

== lint finds a wrong type
$ printf 'kernel = "/k"\nmemory = "much"\n' >f; xm lint f >/dev/null
? 1

== creating without xend asks whether it runs
% root
$ printf 'kernel = "/k"\n' >f; xm create -q f
! Error: Unable to connect to xend: No such file or directory. Is xend running?
! Start it with: xend start
? 1

== the XML form is refused, not pretended
$ printf 'kernel = "/k"\n' >f; xm create -q -x f
! Error: The Xen-API's XML form is not available in this version.
? 1

== the variables are listed on request
$ xm create --help_config | grep -c .
~ ^[1-9][0-9]+$

# What xend refuses, xm says before it asks, with the place; in the words that scripts match.

== a bad event is refused with its line
$ printf 'kernel = "/k"\non_crash = "explode"\n' >f; xm create -q f
~! ^Error: Invalid event handling mode: explode$
~! ^ +at f:2|f.*line 2|f:2
? 1

== a bad name is refused
$ printf 'kernel = "/k"\nname = "two words"\n' >f; xm create -q f
~! ^Error: Invalid VM Name$
? 1

== no memory is too little
$ printf 'kernel = "/k"\n' >f; xm create -q f memory=0
~! ^Error: memory_dynamic_max must be greater than zero$
? 1

== less at most than at the start
$ printf 'kernel = "/k"\nmemory = 64\nmaxmem = 32\n' >f; xm create -q f
~! ^Error: memory_dynamic_max must be less than or equal to memory_static_max$
? 1

== cpus that are none
$ printf 'kernel = "/k"\ncpus = "a"\n' >f; xm create -q f
~! ^Error: cpus = a: invalid literal for int\(\) with base 10: 'a'$
? 1

== a weight out of range
$ printf 'kernel = "/k"\n' >f; xm create -q f cpu_weight=0
~! ^Error: weight is out of range$
? 1

== an unknown builder
$ printf 'kernel = "/k"\nbuilder = "lego"\n' >f; xm create -q f
~! ^Error: unknown image type: lego$
? 1

== a disk's mode that is none
$ printf 'kernel = "/k"\ndisk = ["phy:a,xvda,x"]\n' >f; xm create -q f
~! ^Error: Invalid mode$
? 1

== a disk that is missing a field
$ printf 'kernel = "/k"\ndisk = ["phy:a,xvda"]\n' >f; xm create -q f
~! ^Error: Invalid disk specifier: phy:a,xvda$
? 1

== a number that is none, in the words and without the usage of old
$ printf 'kernel = "/k"\n' >f; xm create -q f memory=abc
! Error: Invalid value: abc
!   memory must be an integer
? 1

== a truth that is none
$ printf 'kernel = "/k"\n' >f; xm create -q f localtime=1
! Error: Invalid value:1
!   localtime must be yes or no
? 1

== a dry run is not judged, as ever
$ printf 'kernel = "/k"\non_crash = "explode"\n' >f; xm create -q -n f | grep on_crash
>     (on_crash explode)

== deprecated variables warn when the domain is made, on stderr
$ printf 'kernel = "/k"\nnics = 1\n' >f; xm create -q -n f | grep -c vif
~! ^Warning: .*nics
> 1

== screens are refused, not pretended
$ printf 'kernel = "/k"\n' >f; xm create -q --vncviewer f
~! not available yet
? 1

== a time that is none
$ xm destroy foo --timeout=soon
! Error: Invalid argument.
~ ^Usage: xm destroy
? 1

== lint speaks JSON
$ printf 'kernel = "/k"\nmemroy = 64\nmemory = "much"\n' >f; xm lint --json f | tr -d ' \n' | grep -o '"file":"f","line":[0-9]*,"column":[0-9]*,"grade":"[a-z]*"' | sort
> "file":"f","line":1,"column":10,"grade":"warning"
> "file":"f","line":2,"column":10,"grade":"warning"
> "file":"f","line":3,"column":10,"grade":"error"

== settings are shown as JSON too
$ xm info -c --json | grep '"xend-relocation-port"'
>   "xend-relocation-port": "8002",
