"""Statistics only: numbers go in, a verdict comes out.

    estimators        interquartile means, intervals, contrasts over graphs and seeds, permutation tests, Holm
    entry             what is known of one genome on one task
    facts             what is known of a task beside
    intervals         intervals of the interquartile mean
    coincidence       how far one wiring stands out where graphs merely solve a task or fail
    comparison        comparisons of all pairs, corrected together
    verdict           here it is decided whether a prior wins
    looks             looks at a run that grows until it is decided, and the error that each may spend
    outcome           what the two say: Comparison, Verdict
    learning_curves   curves over generations, their area, the evaluations that a threshold takes
    drift             shares of mixed populations against neutral drift
    spread            how far each prior spread in them
    wording           verdicts as sentences
    sphinx            what share of the leader's score controls and nulls reach
    attribution       what each part of a wiring carries of what it is above its null; shares: their intervals
    attribution_wording   the same as sentences
    body_map          what of a verdict may be the map onto the body's, not the circuit's

Imports only the modules of the root.
"""
