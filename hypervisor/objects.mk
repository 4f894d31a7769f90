# What hypervisor/ builds, tests and installs.
