"""Statistics only: numbers go in, a verdict comes out.

    estimators        interquartile means, intervals, contrasts over graphs and seeds, permutation tests, Holm
    entry             what is known of one genome on one task
    verdict           comparisons of all pairs; here it is decided whether a prior wins
    learning_curves   curves over generations, their area, the evaluations that a threshold takes
    drift             shares of mixed populations against neutral drift
    wording           verdicts as sentences

Imports only the modules of the root.
"""
