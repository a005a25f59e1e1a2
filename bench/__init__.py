"""Ratios against the raw docker command of the same engine in the same run; never part of the tests."""
