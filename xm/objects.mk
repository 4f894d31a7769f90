# What xm/ builds, tests and installs.
