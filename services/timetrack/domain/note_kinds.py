"""The classes by which the documentation check knows a word; bits, so that what many words are together is one number."""

CONDITION, SYMPTOM, DRUG, MEASURE, THING, MEANS, PERSON, ACT, TEACHING, CLERICAL, ATTEMPT, GENERIC, STOP, NUMBER = (
    1 << at for at in range(14)
)
NAMED = CONDITION | SYMPTOM | DRUG
CLINICAL = NAMED | MEASURE | THING
FACT = SYMPTOM | DRUG | MEASURE | THING | MEANS
