"""report.html: one file that needs no network, reads well on a phone and in the dark.

    page         the whole page, and its Content-Security-Policy
    tables       its tables; attribution: what each part of a wiring carries
    templates/   its HTML, for Jinja2; parts.html holds what it is built of
    report.css   how it looks; report.js: sorting and the switch between figures and tables

Imports what stands beside it in `report`, and the modules of the root.
"""
