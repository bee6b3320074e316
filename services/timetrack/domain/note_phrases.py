"""The turns of phrase that the documentation check knows, English and Spanish, over normalised text (`note_text.normalise`)."""

import re

from services.timetrack.domain.note_openings import Phrase


def _any(*patterns: str) -> Phrase:
    return Phrase(r"(?<![a-z])(?:" + "|".join(patterns) + r")(?![a-z])")


NUMBER_WORD = (
    r"(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|half|several|both|dos|tres|cuatro|cinco|seis|siete|"
    r"ocho|nueve|diez|media)"
)
SPAN = r"(?:d|days?|nights?|nites?|wks?|w|weeks?|months?|mo|hours?|hrs?|h|dias?|noches?|semanas?|sem|mes|meses|horas?)"
WEEKDAY = (
    r"(?:mon|tues?|wed|thurs?|thu|fri|sat|sun)(?:day|nesday|sday|urday)?s?|lunes|martes|miercoles|jueves|viernes|"
    r"sabado|domingo|mie|jue|vie|sab|dom|lun"
)
MONTH = (
    r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*|enero|febrero|marzo|abril|mayo|junio|julio|"
    r"agosto|septiembre|octubre|noviembre|diciembre"
)

DAY_OF_WEEK = re.compile(rf"(?:{WEEKDAY})$")

PAST = _any(
    rf"x ?{NUMBER_WORD} ?{SPAN}",
    r"x ?\d+",
    rf"for (?:the (?:last|past) )?(?:a|about )?{NUMBER_WORD} {SPAN}",
    rf"{NUMBER_WORD} {SPAN} ago",
    r"yesterday|yest|last (?:night|nite|week|wk|month|summer|evening)|overnight|this (?:am|morning|week|wk|month)",
    r"since (?!last (?:call|visit|contact|outreach|month))\w+",
    rf"(?:on|last|by) (?:{WEEKDAY})",
    r"over the weekend|again|tonight|tonite|today",
    r"ayer|anoche|hoy|esta manana|desde (?!la ultima)\w+",
    rf"hace {NUMBER_WORD} {SPAN}",
    r"este (?:mes|fin)|el fin de semana|otra vez",
    rf"{NUMBER_WORD} (?:nights?|times|doses|episodes?|falls|days|mornings|sessions?|tablets?|bottles?|veces|noches|"
    rf"dosis|frascos?)",
    rf"el (?:{WEEKDAY})",
    rf"(?:in|since|until|en|desde) (?:{MONTH})",
)  # fmt: skip
BEHAVIOUR = _any(
    r"someone else'?s|another patient'?s|(?:gone|resolved|healed|cleared up|desaparecio|se quito) ?(?!concern|"
    r"issue)|now (?:qd|bid|daily|on|at|uses?|takes?|needs?)|sting[s]?|burns?",
    r"skip\w*|miss(?:ed|es|ing)|ran out|run(?:s|ning)? out|out of (?!town|the office|range)|quit(?! ?-?line)|quits|forgot\w*|"
    r"forget\w*|halv(?:es|ed|ing)|split(?:s|ting)?",
    r"stopped (?!by|in)\w+|stops? taking|stopp?(?:ed|ing)? (?:taking|using|his|her|their|the|it|them|ordering|"
    r"going)?|(?:can ?no|ca)n?'?t (?:afford|reach|open|get|find|sleep|finish|climb|see|read|walk|stand|breathe|use|"
    r"cook|drive|remember|feel|hear|swallow|tolerate|keep|pay|run)",
    r"cannot|cant|could not|couldn'?t|refus(?:ed|es|ing)|declin(?:ed|es) (?!further|any|additional|need|other|more)|"
    r"stolen|lost|broke|broken|expired|lapsed|leak(?:s|ed|ing|y)?|empty|worn|unplugged",
    r"(?:does|do|did|is|was|has|have|will|would)(?: not|n'?t) (?!have (?:any|further|questions)|had|been|need|"
    r"missed|skipped|forgotten|report|require|wish to|currently|any)\w+|never(?! miss| skip| forget)|no (?:ride|food|heat|"
    r"power|water|transport\w*|money|strips|"
    r"refills?|help|one)|lives? alone|alone|stays? (?:with|alone)",
    r"moved (?:in|out|to)|died|passed away|evict\w*|shut off|hid(?:es|ing)|wrong|by mistake|mix(?:ed|ing)? up|twice|"
    r"no longer|instead of|rather than|only (?:when|on|one|if|prn|mon\w*)|only as|thought|thinks|doubl(?:es|ed|ing)",
    r"duplicat\w*|dups?|borrow\w*|shar(?:es|ing)|out early|too (?:much|many|early|late|tight|small|big|ugly|painful|"
    r"weak|expensive|heavy|sleepy|tired)|nobody|drank|drinks?|smok(?:es|ing) \w+|ppd|eats?|ate|eating|"
    r"sleeps (?!well|good|ok|fine|8|through|better)\w+|slept|naps?",
    r"last (?:one|two|three|few|\d) (?:tab\w*|pills?|days?|doses?|strips?|pens?)|stuck|backorder\w*|out of stock|"
    r"delayed|(?:was|were|been|had been) (?!doing|feeling|tolerat|provid|meet|encourag|taking (?:all|her|his|the|"
    r"their|med)|checking|being|running|driving|sleeping|napping|working|shopping)\w+ing|ha[sd] (?:been )?tak(?:en|"
    r"ing) (?!all|her|his|the|med)\w+|admits?|"
    r"wants? (?!any|no further|nothing|help|to know|to ask|to see|to be|more info|information|to (?:continue|stay|keep|work|"
    r"improve|think|"
    r"discuss|talk))\w+|(?:not|un)able to (?!reach|contact|complete|come)|struggl\w*|fell|slid|fainted|tripped|"
    r"passed out|dropped|hospitali[sz]ed|fall(?:s|ing)? asleep|fell asleep|admitted|er visits?|ed visit|new since|got lost|"
    r"late \d+|"
    r"\d+ d(?:ays)? late|overdue by",
    r"se salta\w*|salta|no (?:se )?(?:toma|pone|come|usa|puede|tiene|llego|camina|duerme|quiere|reconoce|ve|oye|"
    r"evacua|aguanta\w*|alcanza|le entregan|la entregan)|dejo (?:de|la|el|su)?|se (?:le )?(?:acabo|acabaron|"
    r"termino)|se (?:cayo|quita|cansa|queda|quedo)|vive sol[oa]|sol[oa] en",
    r"olvid\w+|a la mitad|dos veces|en vez de|en lugar de|perdi[oe]\w*|robaron|rot[oa]|falt[oa]|ya no|todavia no|"
    r"teme|por miedo|x miedo|la vecina|por error|equivoc\w+|(?<!can )(?<!may )(?<!to )(?<!will )come(?! (?:from|in|to|back|by|"
    r"with|"
    r"for|on|up|off)\b)|comio|duerme|bebe|toma (?!sus|su|la presion|"
    r"las? medic|todas|todo|bien|correct|diari|como|segun)\w+|usa (?!sus?\b|el\b|la\b|diari|oxigeno como)\w+|"
    r"sin (?:comida|luz|transporte|dinero|insulina|"
    r"golpe|o2)|despierta|solo (?:de|por|cuando|si)|nunca(?! se (?:salta|olvida)| olvida| falta)|internad[oa]|urgencias|vomita",
)  # fmt: skip
DECISION = _any(
    r"agree[sd]? to (?!the|follow|all|continue|plan|call|attend|participate|return|our|try to|work|monitor|"
    r"schedul)\w+|acept[oa] \w+|qued(?:a|amos) en",
    r"(?<!on )holds?|(?<=on )hold(?! (?:for )?\d| with)|held|holding|stop|(?<!she )(?<!he )(?<!patient )(?<!pt )stops|"
    r"restart\w*|resum(?:e|es|ed)|increas(?:e|"
    r"es|ed)|decreas(?:e|es|ed)|reduc(?:e|es|ed)|lower(?:ed|s)|rais(?:ed|es)|cut(?: back)?|doubled|halved?|"
    r"switch(?:ed|es)?|chang(?:ed|es)|chgd?|chg'd|added|adds|adding|started|starts|start|starting",
    r"per (?!pt|patient|protocol|policy|policies|report|her|his|guideline|routine|family|day|week|night|month|wife|"
    r"husband|daughter|son|plan|usual|request|instructions|chart|record|meal|standing)\w+|por orden|"
    r"wants? \w+ (?:off|on|stopped|held|back)|wants(?! to (?:know|ask|see|be|lower|lose|walk|get))|keep (?:\d|dose|same)|"
    r"instead|en cambio|paused?|pausa|half|"
    r"trial|[+]\d+ ?u|dc|d/c|discontinued|d/?c'?d|moved|taper\w*|titrat\w+|replaced|replaces|swapp?ed|swaps?|"
    r"back to|extra|up to|down to|ok'?d|okay'?d|allow(?:ed|s) \w+ to|cancell?ed(?!.{0,20}\b(?:appointments?|appt|visit|exam|"
    r"cita)\b)|omit|separate",
    r"suspend\w+|baj(?:a|o|an|aron)(?! en)|sub(?:e|io|ieron)|aument\w+|agreg\w+|cambi(?:a|o|aron|amos) (?:a|de|la|"
    r"el)|inici\w+|empieza|quit(?:o|aron)|pasar\w*|indico|puso|reinici\w+|separar|solo el|que la tire|no \w+ hoy",
)  # fmt: skip
_THAN = r"(?:after|tras|antes|was|were|from|era|eran|de|vs|against|contra)\s\d"
COMPARISON = Phrase(
    r"->|<-|→|[↑↓]|[=+]\s?last"
    r"|\b(?:(?:from|de) \d+[^.;]{0,12} (?:to|a) \d|(?:up|down|dn|gained|lost|subio|bajo)\s\d"
    r"|(?:up|down|lower|higher|better|worse|easier|more|less|fewer|mas|menos|peor|mejor)\b[^.]{0,25}\b(?:from|"
    r"than|since|que|after|desde|before)\b"
    r"|(?:same|igual|unchanged)\b[^.]{0,6}\b(?:as|q|que|from)\s(?:last|la|el|yest\w*|in|\d)|"
    r"since (?:the|her|his|starting|stopping|adding|being)\b"
    r"|was\s(?!normal|fine|good|ok|negative|stable|done|seen|clear|unremarkable)\w+\s(?:in|on|at|last)|as before\b|back to \d|"
    r"since \w+ (?:was|off|cut|went|started|stopped|"
    r"died|broke|fell|moved)|since\b[^.;]{0,12} when \w+ (?:was|were) \w+ed|after (?:stopping|starting)"
    r"|antes (?:solo|no|de \d)|^(?:was|were|era) (?:half|"
    r"only|at|a|one|two|\d)|desde que\b|como antes\b|(?:now|ahora)\b.{0,40}\b(?:was|were|"
    r"era)\b|(?:was|were|era)\b.{0,40}\b(?:now|and (?:is|are)|ahora|but (?:is|are))\b)"
)
"""What begins at a word stands behind one boundary: so a search looks at words, not at every letter."""
THAN = Phrase(rf"\b{_THAN}")
NUMBERS_COMPARED = re.compile(rf"\d[^.;:]{{0,20}}\b{_THAN}|\d\s?\(\s?\d")
"""Numbers open most clauses: they are looked at only where something is there with which they may be compared."""
PAUSE_AND_COMPARISON = re.compile(rf"[,;] ?(?:was|were|era|eran|antes|before|previously)\s\w|\((?:{_THAN}|(?:was|were|era)\b)")

FREQUENCY = Phrase(
    rf"\b(?:\d+ ?x ?/ ?(?:d|day|wk|w|week|night|n|mo|month)\b|\d+ ?v ?/ ?d\b|x ?\d+\b(?! attempts?| calls?)|"
    rf"{NUMBER_WORD} (?:times|veces|x) ?(?:a|per|/|al|por|this|in|last)?"
    rf"|\d+ ?/ ?(?:mo|wk|d|day|week|month)\b|(?:every|each|cada) (?:hour|night|noche|hora)|{NUMBER_WORD} (?:of|"
    rf"de) (?:the )?(?:\d+|seven|ten|las|los))"
)
QUOTE = re.compile(r'"([^"]{8,})"')
ARRIVES = _any(
    r"(?:ready|delivery|delivered|delivers|arrives?|ships?|comes?|picks? up|pick up|starts?|begins?|resumes?|"
    r"recheck|repeat|redraw|intake|confirms?|due|first)\b.{0,40}\b(?:today|tonight|tonite|tomorrow|tmrw|tmw|tom|"
    r"2day|\d{1,2}/\d{1,2}|" + WEEKDAY + r"|\d{1,2} ?(?:am|pm|a|p))",
    r"(?:psych|dr|dra|np|hh|rn|ot|nurse|cardiology|uro|gi|podiatry|wound \w+|hospice|sw|home health|"
    r"surgeon)\b.{0,25}\b(?:today|tonight|tomorrow|tmrw|2day|" + WEEKDAY + r")",
    r"(?:today|tomorrow|tmrw)\b.{0,20}\b(?:ready|delivery|refill|intake)|refill (?:today|tomorrow|sent)",
    r"(?:list[ao]|entrega\w*|llega|recoge|empieza|repetir|confirma|retira)\b.{0,40}\b(?:hoy|manana|mnn|" + WEEKDAY + r"|\d{1,2})",
)  # fmt: skip
NEGATION = _any(
    r"no|not|denies|denied|denying|without|w/o|neg|negative|none|nor|never|sin|niega|nego|ningun[oa]?|neither|free of|ni"
)
DENIAL = _any(r"denies|denied|denying|niega|nego|no|sin")
UNCHANGED = _any(
    r"stable|same|unchanged|controlled|well[- ]controlled|adequate(?:ly)?|at goal|at baseline|normal|"
    r"within normal limits|wnl|good|great|fine|ok|okay|"
    r"estables?|controlad[oa]s?|igual|bien|buen[oa]?|normales|tolerable|managed|manageable"
)
CONDITIONAL = Phrase(r"\b(?:if|in case|should (?:she|he|symptoms)|when to call|cuando llamar|si)\b.*")
GOAL = _any(
    r"goals?|targets?|under|below|at least|no more than|less than|limit|meta|objetivo|menos de|maximo|ideal|"
    r"recommended|should"
)
SUBJECT = re.compile(
    r"^(?:and |y |that |q |que )?(?:she|he|they|it|pt|pte|patient|her|his|ella|el paciente|la paciente|la senora|"
    r"tiene|esta|se (?!le |les |repas|revis|habl|explic|educ|orient|instru|recuerd)\w+|le (?:duele|dio|salio|"
    r"salieron)|dice|refiere|ya |no (?:tiene|puede|quiere)|wife|husband|son|daughter|dtr|mom|dad|sister|"
    r"brother)\b(?!'s? (?:understand|agree))"
)
POLITE = _any(
    r"verbali[sz]e[sd]?|understand(?:s|ing)?|understood|voiced|agree(?:s|d|able|ment)?|thankful|appreciat\w+|"
    r"questions? (?:were )?answered|teach[- ]?back|receptive|engaged|motivated|entiende|entendio|comprende|"
    r"entendimiento|de acuerdo|agradece|dudas|satisf\w+|able to (?:repeat|state|teach|demonstrate)|"
    r"return demonstration"
)
DENIES = Phrase(
    r"\b(?:denies|denied|niega|no reported|(?:had|has|have|with|there (?:are|were)) (?:had )?no (?:new|falls?|"
    r"complaints?|issues?|concerns?|questions?|problems?|symptoms?|hospital\w*|er|ed|pain|changes?|further|more|"
    r"other|recent|signs?|side)|has not had|"
    r"no ha tenido)\b"
)
IMPERATIVE = Phrase(
    r"^(?:and |to |y )*(?:wash|dry (?:between|well|your|feet)|avoid|limit|choose|eat|drink|inspect|keep|monitor|"
    r"rotate|elevate|use|never (?:go|use|walk|share|skip|take)|"
    r"always|moisturize|stay|wear|take|weigh|"
    r"lavar|secar|evitar|limitar|comer|beber|usar|revisar|pesarse|llamar|tomar|medir)\b(?! (?:dose|same|\d))"
)
TOPIC = re.compile(
    r"^(?:pt |patient )?(?:was )?(?:reviewed|discussed|went over|talked about|se (?:repas|revis|habl|convers)\w+|"
    r"repasamos|hablamos)\b[^.:]{0,60}"
    r"\b(?:care|how|when to|why|what to|signs?|symptoms|tips|rule|guidelines|precautions|instructions|importance|"
    r"risks?|warning|behaviors|hygiene|"
    r"action plan|zones?|plan de accion|zonas?|"
    r"alarma|signos|sintomas|cuidados?|importancia|riesgos?|regla|medidas)\b"
)
PROBLEM_PHRASES = re.compile(
    r"no reconoce|does not recogni[sz]e|sale a la calle|se pierde|got lost|out of breath|passed out|feeding tube|"
    r"no bm|cannot breathe|can'?t breathe|"
    r"short of breath|falta de aire|blood in|sangre en|recliner|wake[sn]? (?:him|her|up)|se ahoga|at night to|wets|"
    r"se orina|lost \d+|gained \d+"
)
BLOOD_PRESSURE = re.compile(r"^(\d{2,3})(?:-\d{2,3})?/(\d{2,3})(?:-\d+)?s?$")
DAY_OR_SCORE = re.compile(r"^\d{1,2}/\d{1,2}(?:/\d+)?$")
BY_ORDER = re.compile(r"\b(?:per|by) (?:dr|dra|np|pa)\b")
DIAGNOSIS_CODE = re.compile(r"^\d{3}\.\d{1,2}$")
ATTEMPT = _any(
    r"lvm|l/m|left (?:a )?(?:voice ?mail|message|msg|vm)|voicemail|vm|no answer|unable to (?:reach|contact|leave)|"
    r"unsuccessful|not home|busy|will (?:try|retry|call back)|(?:was|is) asleep|call(?:ed)? back|call us back|hung up|"
    r"disconnected|"
    r"no reply|attempt\w*|tried|no response|mailbox|"
    r"no contesto|no contesta|dej[eo] (?:un )?(?:mensaje|recado)|buzon|ocupado|se intentara|volver a llamar|"
    r"sin respuesta|no se logro|agreed to call|na x ?\d|lm|(?:will )?call later|mas tarde|asked to be called|call again"
)  # fmt: skip
ERRANDS = _any(
    r"(?:appointment|appt|apt|cita|visit|exam|mammogram|colonoscopy)s?|(?:re)?schedul\w+|(?:re)?faxed|fax|mailed|"
    r"e?mail(?:ed)? letter|filed|scanned|uploaded|indexed|printed|envelope|demographics|insurance|eligibility|copay|"
    r"claims?|billing|superbill|verified|records?|reminder|letter|forms?|"
    r"front desk|interpreter|transportation booked|portal message|paperwork|signature|prior auth\w*|address|seguro|"
    r"direccion|telefono|archiv\w+|recordatorio|correo|programad[ao]|expediente|documentos|por fax|cit[ao]s?|"
    r"factur\w+|text sent|call your care|by (?:mail|text)|por mensaje|fecha de nacimiento|date of birth|compiled|"
    r"reprogram\w+|agend\w+|next ccm call"
)

ROUTINE = Phrase(
    r"\b(?:as (?:ordered|prescribed|directed|instructed|scheduled|recommended|needed|tolerated)|"
    r"como (?:se )?(?:le )?(?:indic|recet)\w+|segun (?:lo )?indicad\w+|correctamente|"
    r"per (?:protocol|policy|guidelines?)|without (?:side effects|difficulty|problems|issues)|no (?:side effects|"
    r"issues|concerns|complaints)|sin (?:molestias|efectos|problemas))\b"
)
ESCALATION = Phrase(
    r"\b(?:(?:sent|send|sending|taken|going|went|go|en route|drive[sn]?|driving|driven|takes|brought|"
    r"to)\b[^.;]{0,25}\b(?:to|->)? ?(?:the )?(?:ed|er|emergency room|urgent care|911)\b"
    r"|call(?:ed)? 911\b|(?:a|->) (?:urgencias|emergencias)\b|^(?:to )(?:ed|er)\b)"
)
FIRST_PERSON = re.compile(
    r"(?<!\w)(?!aqu[ií]|as[ií]|all[ií]|ah[ií]|caf[eé]|qu[eé]|porqu[eé]|s[ií]|m[ií]|beb[eé]|pur[eé]|despu[eé]|ir[eé]|"
    r"t[eé]\b)[a-zñáéíóú]{2,}[éí](?!\w)"
)
PAST_VERB = re.compile(r"^[a-z]{3,}ed$|^[a-z]{3,}(?:amos|imos|aron|ieron)$")
"""Verbs that no list has: English past tense, Spanish first person."""

_THEIR_WORK = (
    r" (?:now )?(?:sees|visits|comes|checks|calls|brings|draws|starts|delivers|swaps|sends|meets|stays|takes|drives|covers|"
    r"orders?|viene|llega|revisa|visita|trae)\b"
)
SPECIALIST = re.compile(r"ist" + _THEIR_WORK)
INVOLVED = Phrase(
    r"(?<![a-z])(?:dr|dra|np|pa) [a-z]+\s*$"
    r"|\b(?:(?:vendor|nurse|aide|agency|clinic|pharmacy|cardiology|unit|rn|hh|pt|ot|lincare|apria|company|school|"
    r"daughter|son|wife|sister|niece|hija|hijo|enfermera)"
    + _THEIR_WORK
    + r"|(?:dr|dra|np|pa|md)\b\.? ?[a-z'-]*\s?(?::|->|→|says?|said|ok|wants?|no\b|dice|dijo|pide|will|order|adds|"
    r"sees|starts)|(?:foto|photo|pic\w*|strip|copy|note) (?:al|a la|"
    r"to) (?:dr|dra|np|pa|pcp|podiatr\w+|surgeon)|(?:i|we|she and i|he and i) (?!was|am|will|have|hear)\w+|"
    r"(?:talk|talked|spoke|speaking|discussed|call|consult\w*|review\w*|visit) (?:with|w/|to) (?:dr|dra|np|pa)\b|"
    r"had (?:his|her|him|them|the|pt)\b"
    r"|(?:dr|dra|np|pa)\b\.? [a-z]+ (?!and\b|for\b|y\b|on\b|at\b|in\b|next|about|re\b|para|el\b|to\b|office|appt|"
    r"visit)\w+"
    r"|^(?:changed|switched|moved|swapped|exchanged?|halved|started|restarted|stopped) (?!taking|using|by)\w+"
    r"|^will (?!call|continue|follow|f/u|monitor|try|keep|discuss|notify|reach|check|see|be)\w+"
    r"|now(?<=\w now)\s*(?:$|,)|now (?:at|on|in) \w+|note to (?!chart|self|file)\w+"
    r"|(?:he|she|pt|patient|they|wife|husband|son|daughter|dtr|hija|hijo)(?: will|'ll) (?!continue|call|follow|"
    r"monitor|discuss|contact|f/u|consider|keep|attend|try again|retry|notify|report|be\b|have|return|let|reach|"
    r"think|need)\w+"
    r"|(?:va a|pondra|lo hara|empezara|usara|tomara|comprara)\b)"
)
BACKGROUND = Phrase(
    r"\b(?:hx|h/o|history|pmh|psh|pmhx|antecedentes?|allergies|alergias|yo [mf]\b|y/o|year old (?:male|female|man|woman)|"
    r"\d\d ?[mf]\b|"
    r"last (?!night|nite|week|wk|month|evening|few|one|two|three|\d)[a-z]\w* (?:was )?\d)"
)
"""What has long been true of the patient; it stands at the head of a note and is no news."""
SYMPTOM_TOPIC = Phrase(
    r"\b(?:^(?:and |we |i |re:? ?)?(?:(?:was |were )?(?:reviewed|discussed|assess\w*|evaluat\w*|educat\w*|address\w*|monitor\w*|"
    r"screen\w*|talked|asked about|(?:called|spoke|checked|followed up)(?: her| him| pt)? (?:about|on|re) (?:the|her|"
    r"his) (?!new)|se (?:reviso|hablo|evaluo|repas\w+))\b)"
    r"|(?:pain|dolor|fall|falls|depression|sleep|mood) (?:level|medic\w*|manag\w*|regimen|scale|control|assess\w*|"
    r"plan|score|log|relief|clinic|risk|precaut\w*|prevent\w*|screen\w*|history))"
)
"""A symptom that is only the subject of a review, no finding."""

INTENT = Phrase(
    r"\b(?:will try|tries to|trying|try to|would like|thinking|willing|ready to|plans to|intends|hopes to|"
    r"will (?:start|begin) (?:check|walk|monitor|track|record|log|writ|exercis|eat|tak|us)\w*ing)\b"
)
KEPT = Phrase(
    r"\bstays? (?:on|at|with) (?:\d|\w+)|\bkeeps? (?:\d|the dose|same)|\bsame dose|\bmisma dosis|\bsigue (?:con|"
    r"igual dosis)|\bno change (?:to|in) (?:plan|dose|\w+ per)|\bmismo plan|\bplan unchanged|\bok(?:ay)? per\b"
)
THIRD_PERSON = re.compile(r"(?<!\w)[a-zñáéíóú]{3,}ó(?!\w)")
REVIEWED = Phrase(
    r"\b(?:reviewed|discussed|explained|talked|went over|explored|addressed|covered|counseled|educated|abord\w+|"
    r"evalu\w+|repas\w+|"
    r"revis\w+|habl\w+|explic\w+|orient\w+)\b"
)
TOLD_OF = Phrase(
    r"\b(?:she|he|they|pt|patient|wife|husband|son|daughter|dtr|mom|dad|ella|paciente|hija|hijo)\b (?!is aware|"
    r"verbal|understand|agree|voiced|will|was (?:receptive|engaged|educated)|able)\w+"
)
NEGATIVE_START = re.compile(r"^(?:no|not|never|can|could|does|do|did|is|was|has|have|will|would|sin|ya no|nunca|todavia)")
NEGATED = re.compile(r"\b(?:no|not|denies|denied|without|sin|niega|never|any)\s+(?:(?!he\b|she\b|pt\b|the\b)[\w-]+\s+){0,2}$")
"""A denial that reaches the words which follow at once."""
TOLD_TO = Phrase(
    r"\b(?:(?:told|asked|advised|instructed|reminded|recommended|encouraged|want) (?:the )?(?:pt|patient|her|him|them|"
    r"mom|dad|wife|husband|son|daughter|dtr|caregiver|aide)?\s?(?:not )?to\b"
    r"|(?:told|explained to|informed|reminded) (?:the )?(?:pt|patient|her|him|them|wife|husband|son|"
    r"daughter) (?:that|how|what|why|when)\b|(?:dije|pedi) que\b)"
)
ASKED = Phrase(r"\b(?:about|whether|regarding|re|sobre|acerca)\b.*")
RECENT = Phrase(r"\b(?:since|ago|yesterday|last (?:week|night)|desde|hace|ayer|because|again)\b")
HABITS = re.compile(r"^(?:eats?|ate|eating|drinks?|sleeps?|come|duerme|bebe|naps?)")
HABIT_FINE = re.compile(
    r"\b(?:well|good|fine|ok|plenty|enough|healthy|regular\w*|balanced|water|meals? a day|8 hours|bien|bastante|"
    r"agua|normal)\b"
)
TOLD_BY_PRONOUN = Phrase(
    r"\b(?:he|she) (?!is|was|has|takes|uses|will|understands|verbal\w+|agrees|knows|reports|states|denies|can)\w+"
)
GOES_ON = re.compile(r"^(?:or|nor|and|ni|o|y)\b(?!.*\d)")
VALUE_TOLD = re.compile(r"\b(?:is|was|came back|went)\b[^.]{0,15} \d+(?:\.\d+)?\b(?! ?(?:days?|hours?|weeks?|minutes?|times))")
DATED = Phrase(
    r"\b(?:on|by|until|till|from|for|el|hasta|para|desde)?(?:today|tonight|tonite|tomorrow|tmrw|tmw|hoy|manana|mnn|noon|"
    + WEEKDAY
    + r"|next week|\d{1,2}/\d{1,2}|before (?:shift|bed|meals?|lunch|dinner|breakfast))(?![a-z])"
)
"""A step with its day."""
FOLLOW_UP = Phrase(
    r"\b(?:next (?:call|appointment|appt|visit|outreach|contact)|proxima (?:cita|llamada)|f/?u|follow[- ]?up|rtc|"
    r"will call|call back)\b"
)
SE_VERB = re.compile(
    r"(?<=\bse )(?:le |les |lo |la )?((?:expli|enseñ|orient|instruy|educ|revis|habl|llam|envi|mand|pidi|solicit|"
    r"inform|notific|"
    r"refiri|record|entreg|coordin|cambi|suspendi|ajust|aument|reduj|contact|ayud|consigui|logr|marc|compar|corrigi|"
    r"repas|convers|"
    r"platic|actualiz|recomend|aconsej)[a-zñ]*ó)(?!\w)"
)
"""Spanish impersonal verbs of care work ("se le enseñó")."""
ONLY_A_DATE = re.compile(r"^(?:visits?|exams?|mammogram|colonoscopy|records?|forms?|copay)$")
"""Words that make an errand only beside another."""

REVIEW_OF = re.compile(r"\b(?:logs?|reports?|diary|calendar|download|readings|registro|bottles|labels|strip|photo|video)\b")

PHRASES = tuple(value for value in globals().values() if isinstance(value, Phrase))
"""All that are looked for only where a word can open them."""
