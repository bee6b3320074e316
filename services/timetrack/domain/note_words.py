"""The other words that the documentation check knows, English and Spanish: who, what was done, and what fits any patient.

Lower case, without accents; a word that ends in `*` stands for all words that begin so. Own lists, compiled for this check.
"""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PEOPLE = _words(
    """
    agencia agency aide amiga amigo apria aseguradora aunt brother cardiologa cardiologist cardiologo cardiology caregiver
    caretaker cde church cirujano clinic clinica condado costco county cousin cuidador cuidadora cvs dad daughter dentist
    dentista dietician dietitian director dme do doctor doctora dr dra dtr ems endo endocrinologist endocrinology enfermera
    enfermero ent especialista esposa esposo facility farmaceutic* farmacia father friend gd gi granddaughter grandson
    group-home hermana hermano hh hija hijo hijos home-health homehealth hospice hospitalist husband id iglesia insurer
    kroger lab laboratory lincare lpn madre mama manager md md's mom mother nefrologo neighbor nephew nephrologist
    nephrology neumologo neurologist neurologo neurology niece nieta nieto np nuera nurse nutricionista nutritionist
    oncologist oncology ophthalmology ot pa papa paramedics pcp pharmacist pharmacy poa podiatra podiatria podiatrist
    podiatry podologo police psiquiatra psych psychiatrist psychiatry pulmonologist pulmonology rheum rheumatology rite-aid
    riteaid rn rt sister slp sobrina sobrino social-worker son specialist spouse staff supplier surgeon sw terapeuta
    therapist tia trabajadora urologist urology vecina vecino vendor vna walgreens walmart wife wound-nurse yerno
    """
)
"""Whom staff speak with and about."""

ACTS = _words(
    """
    acepta acepto aclare acordamos acorde actualice adjusted advised agreed agrees agregue ajust* apelacion apele appealed
    applied approved apr aprobo arranged arregl* arregle asked asked-for assigned assisted avisada avisado avise aviso aware
    ayude booked borre calculated call-to called cambiamos cambie cambio checked cheque clarified clarifies clarifique cld
    cleaned coached collects compare compared conecte conference confirme confirmed confirmo confirms connected consegui
    contacte contacted conte conversamos convinced coordinates coordine corrected corregi corrigio counseled counselled
    counted covers created delivered delivers demonstrated di did dije dimos disc'd discussed dispuse dispusimos
    double-checked downloaded drafted draws dropped-off e-prescribed educated emailed encontre enlisted enrolled ensene
    enterada enterado entrega entregue entrene enviamos envie eprescribed escalated escribi escribimos explained explicamos
    expliqu* explique faxed filed filled flagged found gave gestione given got habl* hablamos had helped hice hicimos
    huddled informada informado informe informed inscribi inscrito instructed interpreted labeled labelled lei listed
    llamamos llame llamo llenamos llene localice looked made mailed mandamos mande marco marked measured medi mensaje
    messaged mostramos mostre movimos msg msg'd msgd negoti* noticed notifie notified observed obtained offered ofreci ok'd
    okayed okd orden ordenada ordenado ordene ordeno ordered pasamos pase pedi pedida pedido ph'd phoned picked picks pidio
    platicamos platique plugged practiced prescribed printed procured provided pulled puse pusimos put quiere quite rang
    reached read read-back recetado receto recomendo recommended reconciled recorde reemplace refer'd referi referred
    rehearsed relayed reminded remove removed renewed renovo reordered repasamos repase replaced reporte reported requested
    reset rev'd revd reviewed revise reviso rewrote rfrd rotul* routed rvwd rx'd rxd saque scanned scheduled secured send
    sends sent separe set set-up setup showed signed solicite solicitud sorted spoke stressed swapped talked taped
    taught teach telephoned texted threw thrown tied tiraron tire titrated tld told tracked trained tramite transferred
    triaged unplugged updated urged verified visited walked walked-through wants watched weighed went went-over wrote
    """
)
"""What somebody did; whether it counts is decided by its object."""

TEACHING = _words(
    """
    aconsej* advised alarma avoid avoiding cautioned coached coaching complicaciones complications counseled counseling
    counselled ed edu educ educacion educated education educo eduqu* emphasized encourage encouraged ensen* enseno evitar
    explained explico expliqu* folleto fomento guide handout importance importancia instructed instruction instructions
    instruy* instruyo motivo orient* oriento pamphlet prevenir prevent prevention recomend* recommended recommends record*
    recordo reforz* reinforced reinforcement reminded riesgo risk risks signos signs stressed suger* sugir* taught teach
    teach-back teaching urged warning
    """
)
"""Words after which symptoms and numbers are taught, not found."""

CLERICAL = _words(
    """
    address appointment appointments appt appts apt archiv* attached authorization-form billed billing booked card cargue
    carta cita citas claim claims codes completed confirmed-receipt correo demographics desk direccion directions documentos
    eligibility entered envelope expediente fax faxed file filed filing form forms formulario front indexed insurance
    interpreter letter llegaron mail mailed map minutes paperwork payer phone-number portal prepare prepared printed
    processed programada programo receipt recordatorio records refaxed reminder reprogram* requested reschedule rescheduled
    routed scan scanned schedule scheduled scheduling seguro signature subi superbill tallied telefono transportation
    uploaded verified verifique
    """
)
"""Errands, by themselves no countable act."""

ATTEMPTS = _words(
    """
    attempt attempted attempts busy buzon callback contesta contesto disconnected hung intentara intento intentos
    left-message lm lvm mensaje-de-voz no-answer ocupado rang reply retry ring tried unable unanswered unreachable vm vmail
    voicemail
    """
)
"""Attempts to reach somebody."""

GENERIC = _words(
    """
    able about above according actively activity acute additional address* adequate* adher* adjust* advance advised advocacy
    afternoon again agency agenda agree* agreement aim* all allerg* allow* almost along already also always amenable annual
    answer* any anything appl* appreciat* appropriate approxim* area* around as-needed ask* aspect* assess* assist* attend*
    attentive available aware* back balanced barrier* baseline basic basis because become been before begin* behavior* being
    best better beyond bid booster both bring* c/o call* capsule* carbohydrates cardiac* cardiaca cardiol* care care-plan
    career caregiver case center* challeng* chang* chart check* chg choice* chronic* clear* clinic* coach* collaborat*
    colonos* combin* come common communic* community compl complain* complet* complian* compliant complic* comprehens*
    concern* condition* confid* consult* cont contact* contd continu* control* conversat* cope coping copy correct* cover*
    covid crisis current* daily date* day days decision* decline* deficit* deliver* demo demonstr* denies deny dep depend*
    detail* determin* develop* device* diagnos* dialogue diet* different direct* discharge* discuss* disease* dob doctor
    document* done drinks due duration during each ease easy ed educat* effect* effort* either eligib* email* emerging
    emotion* emphas* employ* enabl* encourag* engag* engagement enhanc* enroll* ensur* entire environment* episode*
    especially essential establish* evaluat* evening event* every everything evidence exam* exercise* exist* expect*
    experienc* explain* explor* express* f/u failure family* feedback feel* female fiber fine first flu focus* follow* food
    footwear form* foster* frequen* friend* fruits fu full* function* further future gap* gender general* get giv* give*
    given go goal* goals going good got grains great guid* habit* handl* happ* has have hazards health* heart-healthy help*
    here hesitat* high* hipaa history holiday* holistic home hope* hour* housing how however hs hx hydrat* identif*
    identifiers ill* imaging immuniz* impact* implement* import* improv* includ* increas* independ* individual* inform* inh
    initi* input inquir* instruct* insuficiencia insurance intake integr* intent* interact* interest* interven* issue* item*
    join* keep* key kind knowledge lab labs lack* last later lead* lean learn* least less let level* life lifestyle lighting
    like* limit* list* listening literacy live* living long* look* lot* low* made maint* maintain* major make* male
    mammogram manag* many material* matter* may mean* meaningful measure* med medical* medicat* medicine* meds meet* member*
    mensaj* mental* messag* method* mind* minute* modif* moment monitor* month* monthly morning most motiv* much multi* nad
    navigat* necess* need* neg negative neurolog* new* next nicotine night nightly nights none normal* note* noted nothing
    number* nurse* nutrit* object* observ* obtain* occur* offer* office ok okay old* once ongoing open opinion* opportun*
    optim* option* order* ordered ordering other* outcome* outline* outreach over* overall own pace part* parties past path*
    patient* pcp per percent perform* period* person* pharmac* phone physical physical* physician* place* plan* plan-of-care
    pleas* pleasant* pneumonia point* polic* portal portion* posit* possib* practic* prefer* prepar* prescrib* present*
    preventive previous* primary prior* prn problem* procedur* process* profession* program* progress* promot* proper*
    proteins protocol* provid* provider psycho* pt pts purpose* qam qd qhs qid qpm question* quit rapport re readiness
    reason* reassur* rec'd receiv* recent* receptive recommend* record* recover* reduc* refer* refrigerator regard*
    regardless regimen* regul* regular* reinforc* relat* relax* remain* remind* report* request* requir* resourc* resources
    respect* respons* restrict* result result* resum* ret return* rev rev'd review* reviewed right risk* role room routine*
    rtc rugs s/p safe* same satisf* schedul* screen* script* scrn seconds section* see seek* seem* self* sens* servic*
    service services session* set* share* shingles short* shot side sign* simpl* since situation* skill* so social* sodium
    some soon* speak* special* specialist* specific* spirits spoke* stable* staff stat* status stay* step* storage strateg*
    strength* stress stress* strong* success success* sugary suggest* summar* supplies support* sure symptom* system*
    tablet* take* taken taking talk* target* task* teach* team team* technique* telephon* tell* temperature text* thank*
    that therap* therapy thing* think* thorough* thought* through* tid time* today together tol toler* tomorrow topic* total
    track* train* transition* treat* trigger* try* twice type* under* underst* undertaken unmet up upcoming updat* update
    updates use* uses using usual* utiliz* utilization vaccin* vaccine valu* various vegetables verbal* verif* verified via
    view* visit* voic* voiced w w/ walking want* watch* way* week* weekly weigh* weight* welcome* well* wellbeing wellness
    went what when where which while who whole will willing* wish* within without wnl wo word* work* worsen* would written
    year* yearly yet yo zone zones
    """
)
"""Words that fit any patient: what is left of a sentence without them is what it says of this one."""

GENERIC_SPANISH = _words(
    """
    abord* actividad* acuerdo adecuad* adher* adherencia agradec* ahora algun* alim* anim* animo ano anos apego apoy*
    aprend* aquel asist* aspecto* atenc* autocuid* ayud* barrera* bien brindo buen* cabo cada calidad calma cambio* cambios
    capaz caso cita* clar* clinic* colesterol comod* complet* comprend* comprens* comun* con conduct* conform* conoc*
    consult* contact* contest* continu* control* conver* coord* correct* cronica cronicas cual* cuales cuid* cuidarse cump*
    dado decis* dedic* demostr* desea* despues detall* dia diari* dias dieta* diferent* disp* dispuest* dud* duracion
    ejercicio* embarg* emocional enferm* enfermedad entend* entiend* entreg* equipo* escuch* espec* estable* establec*
    estado estar estrateg* evalu* evit* exp* expedient* familia* favor* fecha fin form* gener* gracias guia* habit* habl*
    hace hacer hecho igual impor* indic* individual* inform* inquiet* instru* integral* interes* interv* laboratorio* larg*
    leer lineamientos llama* lleva* llevo mane* manten* mater* mayor medic* mejor* mens* mes meses meta* minutos misma*
    mismo* momento motiv* mucho* multid* nacimiento necesi* nervios niega ningun* niv* nombre normal* novedad* nuev* nutri*
    objetivo* ofrec* ojos opcion* orden* orient* otro* pacient* padec* para parte pautas pend* permanec* persona* plan*
    plant* plat* pod* posib* pract* pregunt* present* prev* principal* prob* proce* proced* program* progres* prop* proporc*
    proxim* punto* queda* queja* quien realiz* receptiv* recib* recom* recurs* refier* refor* refuer* registr* regul* relac*
    repas* report* respond* respuest* result* revis* rinon rutin* salud satisf* seg* segu* seguimiento semana* senor* sent*
    servicio* sesion siempre sign* sigue sint* situac* sobre solic* soport* tarea* telef* tema* tenga tiempo tiene tip*
    todas todo* toma tomar tranquil* trat* usar uso utiliz* vacuna* veces verbal* verif* vida visita*
    """
)
"""The same in Spanish."""

ABSTRACT_ENDINGS = _words(
    """
    ally ance ances ancia ando aneous ational ative atively cion ciones edness ence ences encia encias ful fully ically idad
    idades iendo ities ity ively izada izadas izado izados ment mente ments miento mientos ness ological ology ously sion
    siones sions tion tions tiva tivas tivo tivos
    """
)
"""Endings of words that name no thing: prose that fits any patient is made of them."""

STOPWORDS = frozenset(
    _words(
        """
        a again al all am an and are as at be been both but by c can como con could cuando d de del desde did do does donde
        down el en entre era es esa ese esta estan este esto for from fue fueron ha had han has hasta have having hay he her
        here him his how i if in into is it its just la las le les lo los m mas may me mi might more most must muy my ni no
        nor nos not now o of off on once only onto or other our out over own p para per pero por porque q que re s same se
        ser shall she should si sin so sobre some son su such sus t te than that the their them then there these they this
        those tiene to too tu un una unas under unos up upon us very was we were what when where who whom whose why will
        with would x y ya you your
        """
    )
)
"""Words without a meaning of their own."""

CONTACTS = frozenset(
    _words(
        """
        advised asked call called checked coached educated explained explique instructed recorde reminded taught teach
        """
    )
)
"""Of the weak acts those that tell an act once their object is specific, even in a note without a fact."""

SCORES = frozenset(
    _words(
        """
        dolor mmse moca pain rates
        """
    )
)
"""After these a pair of small numbers is a score, not a day."""

WEAK_ACTS = frozenset(
    _words(
        """
        actualice advised asked aware call called checked coached conversamos coordinated coordine counseled counselled
        disc'd discussed educated explained explique found got hablamos had helped instructed listened looked made offered
        platicamos platique provided read reconciled recorde reminded repasamos repase reported rev'd revd reviewed rvwd
        spoke stressed talked taught teach updated went
        """
    )
)
"""Acts that need an object of their own: reviewed, discussed, called (what, and about what?)."""

INFORMED = frozenset(
    _words(
        """
        asked avisada avisado avise aviso aware clarified dije enterada enterado faxed informada informado informe informed
        messaged msg notifie notified pedi sent spoke tld told
        """
    )
)
"""Acts towards a person that count in a note which tells a fact."""

JOINT = frozenset(
    _words(
        """
        acepta acepto acordamos agreed agrees demonstrated showed
        """
    )
)
"""What a patient does that is part of the work done with them."""

NAMED_WORK = frozenset(
    _words(
        """
        assessed assessment coordinated coordination discussed educacion educated education reconciled reviewed revisaron
        revision talked
        """
    )
)
"""Work that is more than an errand, however poorly it is described."""

FAMILY = frozenset(
    _words(
        """
        caregiver daughter dtr esposa esposo family familia hermana hermano hija hijo husband mom niece patient sister son spouse
        wife
        """
    )
)
"""By whom something was done, if not by the author."""

PATIENT_BEFORE = frozenset(
    _words(
        """
        client he member paciente patient pt pte she they
        """
    )
)
"""Words for the patient as the one who acts."""

TITLES = frozenset(
    _words(
        """
        don dona dr dra miss mr mrs ms np pa rn sr sra
        """
    )
)
"""After these comes a name, which is specific to nobody's health."""

UNITS = frozenset(
    _words(
        """
        % almohadas bpm cm degrees h/n h/night kg kilos lb lbs libras mmhg ounces oz pasos pillows points pounds puntos
        steps
        """
    )
)
"""After these a number is a result."""

DOSES = frozenset(
    _words(
        """
        g gram grams iu liter liters litre litres litro litros mcg meq mg ml pills puff puffs tab tablet tabletas tablets
        tabs u unit units
        """
    )
)
"""After these a number is a dose, no result."""

NOT_VALUES = frozenset(
    _words(
        """
        a am anos attempts calls day days goals hours hr hrs identificadores identifiers meses min mins minute minutes
        minutos mo month months old p pages phone pm times visits weeks year years yo
        """
    )
)
"""After these a number is a time, an age or a count of calls."""

BEFORE_LABEL = frozenset(
    _words(
        """
        age aged apt call class code codes dr edad en estadio ext grade in item line number page phase room stage step tipo
        type vitamin zone
        """
    )
)
"""A number after one of these is a label: stage 3, room 12."""
