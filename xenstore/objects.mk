# What xenstore/ builds, tests and installs.
