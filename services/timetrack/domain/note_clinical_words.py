"""The clinical words that the documentation check knows, English and Spanish: what a note can be about.

Lower case, without accents; a word that ends in `*` stands for all words that begin so. Own lists, compiled for this check.
"""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


CONDITIONS = _words(
    """
    a-fib adhd afib afib/flutter alcoholism algodoncillo als alzheimer* amput* anemia aneurysm* angina ansiedad anxiety
    apnea arthritis artritis asma asthma bipolar bph bronchiect* bronchitis bronquitis c-diff cad cancer candid*
    cardiomyopath* cataract* cataratas cdiff cellulitis celulitis chemo* chf cholesterol cirr* cirrhosis cirrosis cirrotic*
    ckd colesterol colitis convulsi* copd covid crohn* culebrilla cva demencia dementia depresi* depress* derrame diabet*
    dialisis dialysis dislipidemia diverticul* dm dm1 dm2 dpn dvt eczema edema embolism emfisema emphysema enfisema epilep*
    epoc erc esclerosis esquizo* esrd fibrilacion fibrillation fibroid* fibromyalgia fibrosis flu flutter fuma fumar
    gastritis gastropares* gerd glaucoma gota gout hcv hd heart-failure hepatic hepatitis herida* hernia hfpef hfref
    hiperlipid* hipertens* hipotiroid* hiv hld hta htn hyperlipid* hypertens* hypothyr* hypothyroid* ibd ibs icc iddm ild
    incontinen* infarto influenza insomnia insomnio kidney leukemia lupus lvad lymphoma macular marcapasos mci migr
    migraine* migran* mrsa nash nephropath* neumonia neuropat* neuropath* niddm oa obes* onc oncolog* osa osteoarthritis
    osteomyel* osteop* osteopor* osteoporosis pacemaker pad pancreat* parkinson* pe pneumonia polio prostata prostate
    psoria* ptsd pvd raynaud* reflujo reflux renal retina* retinopat* retinopath* schizo* sclerosis seizure* shingles sle
    sleep-apnea smok* stenosis stroke t1dm t2dm tabaco thrush thyroid tia tiroides tobacco transplant* trasplante* tvp
    ulcer* ulcera* uti vertigo vih wound* zoster
    """
)
"""Diagnoses and lasting states: they name a problem, but are neither an object of an act nor a fact of today."""

SYMPTOMS = _words(
    """
    ache aches achy acidez adormec* afebril afebrile afraid agitad* agitat* agotad* ahog* aletarg* almohada* alucina*
    ampolla* angina-pain arde ardor ascites asfixia ataque ataques atrag* attack attacks bedsore* bleed* blister*
    bloat* bloating bloodshot bloody blue blurr* bm borros* breathless* brote bruis* bulto burn burning burns cae caida
    caidas calambre* caliente candid* cansa cansad* cansancio cayo cefalea chill* choke* choking clot clots cloudy coagulo
    cojea comezon confund* confus* congest* constipat* cough* cracked crackles cramp* crisis crying cyanosis debil debilidad
    dehydrat* delir* desat desats desatur* desaturat* deshidrat* desmay* diarrea diarrh* diarrhea disnea dizz* doe dolor
    dolores dormida dormido drainage dripping drows* drowsy duele duelen dusky dyspnea dysuria edema edematos* enrojec*
    entumec* escalofr* esputo estren* evacua* exac exacerbation exhausted faint* fall fallen falls falta-de-aire fatiga
    fatigue fell fever fiebre flare flares flema floaters fluid-overload forgetful foul fractura* fracture* freezes freezing
    gasp* gassy groggy hallucinat* hallucinations headache* heartburn heces hematoma hemoly* hemoptysis hinchad* hinchaz*
    hipergluc* hipogluc* hives hoarse hoarseness hopeless hormigueo hot huele hurt hurts hyperglyc* hyperkalemi* hypo
    hypoglyc* hypokalemi* hyponatremi* hypos incontinent inquiet* irritable itch* jaundice lethargic lightheaded* limp
    limping limps llaga llagas llora* lonely lows lump mareada mareado mareo* mareos melena miedo moret* moretones nausea
    nauseas nauseous near-syncope nightmare* nocturia nosebleed* numb numbness nv odor olor olvid* oozes oozing orina
    orthopnea ortopnea overdose overdosed pain painful pale palida palido palpitaciones palpitation* palps panic panico
    paranoi* phlegm picazon pillow pillows polyuria preocup* presyncope puffy purple purulent* pus rales rash redness
    resbalo restless rigidez roja rojo ronca ronchas ronquera sangr* sangrado sangre sarpullido scared seizing shak* shaky
    sibilan* silbido* sincope sleepiness sleepless* sleepy slid slipped sluggish smells snor* soaked sob sobredosis
    somnolen* sore sores spasm* sputum stage-2 stiff* sting stings stool stools stumbl* sudor* suicid* sundowning swallow*
    sweat* swell* swollen syncope tarry temblor* teme thirst* thrush tingling tired tos tragar tremor* tripped tropez*
    turbia twitch* twitching unsteady vertigo vomit* wander* weak weaker weakness weeping wheez* wheezy winded wobbl* woozy
    worr*
    """
)
"""Findings that a patient has now or, denied, does not have."""

DRUGS = _words(
    """
    abilify acamprosate ace-i acei acetaminofen acetaminophen adderall advair albuterol aldactone alendronate allopurinol
    alopurinol ambien amiodarona amiodarone amlod* amox amoxicilin* anoro antabuse antibiotic* antibiotico* anticoag*
    apixaban* aricept aripiprazol* asa aspart* aspirin aspirina ativan atrovent augmentin azathioprine azatioprina azithro*
    baclofen bactrim basaglar benadryl benazepril benzo* binder binders boniva botox breo brovana budesonide bumetanide
    bumex buprenorph* buprenorphine bupropion buspirone calcio calcitonin calcitriol calcium capsula* capsule* carbamazep*
    carbidopa carvedil* cbd cephalexin cetirizine chantix chemo cialis cipro citalopram clindamycin clonaz* clonidine
    clopidogrel* clozapina clozapine colace colchicina colchicine coreg cortison* coumadin cozaar creatine crestor cymbalta
    dabigatran dapaglif* decongestant denosumab depakote desvenlafaxine dex dextrose digoxin* dilaudid dilt diltiazem diovan
    disulfiram diuretic* diuretico* donepezil* doxycycline dulaglut* duloxetine duoneb dupixent effexor eliq eliquis
    empaglif* enbrel enoxapar* entresto eplerenone epo epogen ertugliflozin escitalopram espironolact* estatina* esteroid*
    evenity excedrin eyedrops ezetimibe famotidin* farxiga fenofib* fentanyl* ferrous finasterid* flomax flonase flovent
    fluoxetin* fluticasone forteo fosamax furosemid* gabapentin* glargin* glimepirid* glipizid* glucagon* glucotrol
    glyburid* hctz heparin hidralazina hidroclorotiazida hierro humalog humira hydralazine hydrochlorothiazide hydrocodone
    hydroxychloroquine hytrin ibandronate ibuprofen* imdur imuran indapamide infusion infusions inhalador* inhaler inhalers
    injection* insulin insulin* insulina inyecci* ipratropium iron isosorb isosorbide iv ivabradine januvia jardiance kcl
    keflex keppra klonopin klor-con lacosamide lactulos* lamictal lamotrigin* lantus lasix latanoprost levaquin levemir
    levetirace* levodopa levoflox* levothyrox* levotirox* lexapro linezolid* lipitor lisin lisinop lispro lithium litio
    lopressor lorazepam losart* lovenox lyrica mag magnesio magnesium meclizine melatonin* meloxicam memantin* metformin*
    methimazole methotrexate metimazol metolazone metop metoprolol metotrex* mirabegron miralax mirtaz* mobic morfina
    morphine mounjaro movantik mtx mucinex mucolytic multaq myrbetriq naltrexone namenda naproxen* narcan nateglinide neb
    nebs nebuliz* neurontin nexium nicotin* nifedipin* nistatina nitro nitrofur* nitroglyc* norco nortript* norvasc novolog
    nph nsaid* ntg nystatin ocrevus olanzap* omepraz* ondansetron opioid* otc oxcarbazep* oxy oxybutynin oxycodon* oxycontin
    ozempic pantopraz* parche paroxetin* pastilla* patch patches paxil pen penicil* pens percocet phenytoin pill pills
    pioglitazon* plaquenil plavix pluma potassium-chloride pradaxa pramipexole pred prednis* predniso* pregabalin* prinivil
    probiotic prolia propranolol prozac puffer pulmicort quetiapin* quimio* ranexa ranolazin* rasagiline reclast remeron
    repaglinide requip rescate rescue restasis risperid* ritalin rivaroxaban* ropinirole rosuva rosuvastatin* rybelsus
    samples semaglut* senna seroquel sertralin* sinemet singulair sitaglip* soliqua spiriva spironolact* statin statins
    steroid* suboxone sulfonylurea suplemento* supplement* symbicort synthroid tablet tableta* tablets tamiflu tamsulos*
    taper tegretol tiotropium tolterodin* topamax topiramat* toprol torsemid* toujeo tradjenta tramadol trazodon* trelegy
    tresiba trileptal trulicity turmeric tylenol valpro* valsart* vanc venlafaxin* ventolin vericiguat viagra vicodin
    victoza vitamin-d vytorin warf warfarin* wegovy wellbutrin xanax xarel xarelto xtandi zantac zetia zocor zoledron*
    zoloft zolpidem zpak zyprexa
    """
)
"""Medicines, with the everyday words for what holds them."""

DRUG_ENDINGS = _words(
    """
    alol azepam caine ciclina cilina cillin codona codone conazol conazole cycline dipine dipino dronate dronato formin
    formina gliflozin gliflozina gliptin gliptina glutida glutide grel mab micina mycin olol oxacin oxacino oxetine parin
    penem prazol prazole pril profen profeno profina sartan semida semide solona solone sona sone statin statina talidona
    terol thalidone thiazide tiazida tidina tidine triptan tropio tropium vir xaban zosin
    """
)
"""Stems at the end of drug names (as international names are built)."""

DRUG_NAMES = _words(
    """
    acyclovir adalimumab alendronate allopurinol amiodarone amlodipine amlodipino amoxicillin apixaban atenolol atorvastatin
    atorvastatina azithromycin benazepril bisoprolol budesonide bupropion canagliflozin candesartan captopril carvedilol
    chlorthalidone ciprofloxacin citalopram clarithromycin clopidogrel colchicine dapagliflozin dexamethasone digoxin
    donepezil doxazosin doxycycline dulaglutide duloxetine empagliflozin enalapril enoxaparin escitalopram esomeprazole
    famotidine felodipine fluconazole fluoxetine fluticasone formoterol furosemide gabapentin glargine glimepiride glipizide
    glyburide heparin hydrochlorothiazide hydrocodone insulin irbesartan labetalol lansoprazole levofloxacin levothyroxine
    linagliptin liraglutide lisinopril losartan lovastatin memantine metformin metformina metoprolol mirtazapine montelukast
    nebivolol nifedipine olmesartan omeprazole oxycodone pantoprazole penicillin pravastatin prednisolone prednisona
    prednisone pregabalin propranolol quinapril ramipril risedronate rivaroxaban rosuvastatin salmeterol semaglutide
    sertraline simvastatin simvastatina sitagliptin spironolactone sumatriptan tamsulosin telmisartan terazosin tiotropium
    tirzepatide torsemide trazodone umeclidinium valsartan venlafaxine warfarin
    """
)
"""Names in full, beside the stems: a slip of the pen is measured against them."""

MEASURES = _words(
    """
    a1c abi acr afp ahi aic albumin albumina alt anc ast ayunas azucar azucares b12 bg bgs bilirrubina bilirubin biopsia
    biopsy bmi bmp bnp bp bps bs bun ca125 cbc cea cetonas cgm ck cmp cologuard colonoscopy cr crcl creat creatinina
    creatinine crp csr ct cultivo culture cx d-dimer dexa dexcom diastolic diastolics ecg echo eco ef egfr ekg epworth
    espirometri* esr fasting fbs fe ferritin ferritina fev1 fit flow foot-exam fosforo fsbs gad gad7 glu glucometro glucosa
    glucose hb hba1c hct hcts hdl heart-rate hemoglobin hemoglobina hgb hgba1c holter hr inr iop ketones kg kilos lactate lb
    lbs ldl lectura lecturas level levels lft lfts libre log mmse moca monofilament mri nivel ntprobnp nyha o2 o2sat oxigeno
    oximeter oximetro oxygen pa pain-score peak peakflow pef pesa peso phos phosphorus phq phq-9 phq2 phq9 plaquetas
    platelets plt potasio potassium presion pressure pressures psa ptt pulse pulso pvr qtc reading readings residual
    resonancia retinal sat sats saturacion saturation sodio sodium spirometr* spo2 strip strips sugar sugars sys systolic
    systolics t-score t4 ta tac temp temperatura temperature tfg tiras trig trigliceridos triglycerides trigs troponin
    trough tsh ua uacr ultrasound uric urico urine viral-load wbc weighed weighs weight weights wt wts x-ray xray
    """
)
"""What can be measured or looked at, with a result."""

NUMBERED = frozenset(
    _words(
        """
        act ag bs ca cat dolor ef fc fr gaf hct k ldl level mg na nivel nyha p pain ph rr sat score t
        """
    )
)
"""Short words that mean a measure only where a number follows."""

THINGS = _words(
    """
    abdomen aguja* alcohol andador ankle ankles apetito appetite arm arms arroz audifono* back bandage* bascula baston beer
    belly bipap bladder boca bomba boot boots bottle-caps bowel brace brazalete brazo brazos bread breath breathing cadera
    calf candy cane cannula canula carb* cateter catheter cerveza* chest cigar* cigarette* cirugia colchon colostomy commode
    compression concentrador concentrator corazon cpap cuello cuff cushion dedo dedos dentadura dentures dientes dormir
    dressing* drinking drunk ducha duerme dulces ear ears espaciador espalda estomago eye eyes feet fingers fistula foley
    foot gait garganta gin glasses glucometer glucometro graft grua hand hands hearing-aid heart heel higado hip hombro
    incontinence jaw jeringa* jugo juice knee lancet* leg legs lengua lentes lift liver lung* manguera mano manos mascarilla
    mask mattress medias memoria memory mouth nariz nebulizador nebulizer neck needle* nose oido ojo ojos orina ostomia
    ostomy oximeter pads pan panales pastillero pecho picc pie piel pierna piernas pies pillbox port pouch ppd pulmon* pump
    rail rails recliner refresco* rehab rehabilitacion rehabilitation respir* respite rice rodilla rum sacro sacrum sal salt
    scale sensor sensors shin shoes shoulder shower silla skin sleep sleeps slept snack snacks soda sodas sopa soup spacer
    stent stocking* stomach strips surgery sweets syringe* talon teeth tequila thickener throat tiras tobillo* toe toenail*
    toes tongue tooth tortilla* tubing urine vape vein veins vejiga vendaje* vino vision vista vodka wafer walker wheelchair
    whiskey whisky wine zapatos
    """
)
"""Devices, body parts and what is eaten or drunk: each belongs to a condition."""

MEANS = _words(
    """
    afford aide alone bar bed bottle bottles cama camioneta caregiver caro comida copago copay cost costs cuidador* dose
    doses dosis electricity escaleras eviction fill fills fisioterapia food frasco* grab groceries heat homeless hospice
    hospicio lost luz meals paliativ* palliative pantry physical-therapy pills prescription price ramp rampa receta refill
    refills refugio rent renta ride rides shelter sola solo stairs stolen terapia therapy toma tomas transportation
    transporte unidades units utility van wound-clinic
    """
)
"""The means of living and of treatment: specific, but no problem by themselves."""
