# What xend/ builds, tests and installs.
