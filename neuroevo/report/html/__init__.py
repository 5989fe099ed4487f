"""report.html: one file that needs no network, reads well on a phone and in the dark.

page     the whole page; parts and tables: what it is built of; style: how it looks and behaves
"""
