"""The command line. A command's work is imported when that command runs, so that `--help` stays quick."""
