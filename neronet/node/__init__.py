"""The node side: Neromum (serve) and Nerokid (kid).

Python 3.6 grammar, standard library and neronet.wire only.  Every process here
may be killed between any two system calls; the next one reads the run
directories, which are the truth, and goes on.
"""
