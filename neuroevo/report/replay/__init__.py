"""Replay: a run's champions once more on held-out data, as pictures and films.

replay         the command; champions: which lineages, read back from the run folder
rerun          one champion at work; observation: what was observed of it
pictures       what was observed, as pictures; replay_folder: where they lie
scene          bodies as shapes on a plane; film: a body in motion as a GIF
behaviour      joints and cells over time; answers: which images were taken for which
"""
