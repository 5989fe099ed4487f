"""Figures, drawn by matplotlib so that they can be read without colour.

canvas         size, saving; picture: an image with its caption and its numbers as a table
colors         one colour a prior, in every figure of every run
scores         held-out scores, learning curves, doses; selection: shares of mixed populations
card           the picture of a report for those who share it
sphinx         what share of the leader's score each other genome reaches
attribution    the share that each part of a wiring carries
captions       the figures of a task with their captions
kept           what each null of a run keeps of the connectome
wiring         a prior beside its connectome: matrices, degrees and triads
"""
