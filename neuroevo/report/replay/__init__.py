"""Replay: a run's champions once more on held-out data, as pictures and films.

replay       the command; champions: which lineages, read back from the run folder
show         one champion at work, recorded
pictures     what was recorded, as pictures; replay_folder: where they are kept
scene        bodies as shapes on a plane; film: a body in motion as a GIF
behaviour    joints and cells over time; answers: which images were taken for which
"""
