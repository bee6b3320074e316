"""The documentation check measured: synthetic notes, labelled by the procedure of the check, and how well the rules agree."""
