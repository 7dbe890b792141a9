"""The modules of `./dev`. They use only the standard library: `./dev` runs before
anything is installed.

base           paths, running commands, saying what is wrong in one line
interpreters   which Pythons there are, and which one is best
pythons        `./dev python`: preparing those that no package manager here serves
chroot         the Debian chroot that some of them live in
environments   virtual environments with pinned requirements
compilers      which C compilers there are, and what to install where there is none
platforms      cross compilation: what each platform needs
cbuild         building and testing libboc in one configuration
pybuild        building and testing the package on one interpreter
jobs           running many of those at once, counting tests
matrix         the list of jobs that `./dev test` runs
commands       the other subcommands
cli            arguments and help
"""
