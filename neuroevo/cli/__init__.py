"""The command line: a module for each command, which `run.py` finds by its name.

    run, study        a request, or several that answer one question, become results
    attribute         a run that tells which part of the wiring carries a score
    resume, score     what ended early goes on; what has no score is scored
    report            the report of runs, from their files alone
    judge             the report of scores of any program, from a file
    replay, export    what champions do, in pictures; a champion as one file
    stats, sample     statistics of wirings and priors; samples as tables of edges
    fetch             a fly's nervous system, by name, onto this machine
    list              all that a request can name
    parser            arguments: a parser whose errors are one line, and flags that several commands share
    outcome           what is printed of a run or a study that has ended
    wirings           what `stats` and `sample` share

A command's module has `main`, and its docstring is the command's help.
"""

# Each is a module of this package.
COMMANDS = (
    "run",
    "study",
    "attribute",
    "resume",
    "score",
    "report",
    "judge",
    "replay",
    "export",
    "stats",
    "sample",
    "fetch",
    "list",
)
