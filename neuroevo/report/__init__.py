"""From run folders to report.json, tables, figures, a page and films.

    evidence     rows of one or several runs, by task and genome; joining: which runs belong together
    scores_lines, scores_file, scores_evidence
                 a file of scores of another program: its lines, its lineages, evidence made of them
    build        from evidence, by the referee's tests, to a report
    body_map     what of the connectome's map onto the body each genome has, and what it is worth
    question     what a run asks, the title of its report; citation: how a report is cited
    sphinx       what share of the leader's score each other genome reaches, in words and rows
    attribution  which genomes are knock-outs and transplants, and what they tell
    model        Report: what report.json holds, as objects
    planned      what was sealed before a run, as objects; planned_words: in sentences; looks: each one judged
    write        the report and everything that lies beside it
    formatting   order, decimals and words that all renderings share
    attribution_terminal   what each part carries, in the terminal
    terminal     the report as a table; exports: as CSV and TeX; table: tables as the page shows them
    wirings      what nulls keep, from champions' wirings
    wiring_table the tables that `run.py stats` prints
    html         the page
    figures      scores, learning curves, wirings
    replay       champions once more, as pictures and films

Imports everything below `workers`, and `referee`.
"""
