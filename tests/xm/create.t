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
? 1

== the XML form is refused, not pretended
$ printf 'kernel = "/k"\n' >f; xm create -q -x f
! Error: The Xen-API's XML form is not available in this version.
? 1

== the variables are listed on request
$ xm create --help_config | grep -c .
~ ^[1-9][0-9]+$
