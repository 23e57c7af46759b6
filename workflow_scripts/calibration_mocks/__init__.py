"""Skies of known truth, and the tests of the suite made on them: do they reject as often, and cover, as they claim?"""
