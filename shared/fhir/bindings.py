"""R4 code lists that the FHIR library does not enforce: required bindings, currencies, the names of the resource types."""

from collections.abc import Mapping


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_QUANTITY = _words("< <= >= >")
_TIME_UNITS = _words("s min h d wk mo a")

REQUIRED: Mapping[tuple[str, str], frozenset[str]] = {
    ("Consent", "status"): _words("draft proposed active rejected inactive entered-in-error"),
    ("ConsentProvision", "type"): _words("deny permit"),
    ("ConsentProvisionData", "meaning"): _words("instance related dependents authoredby"),
    ("Task", "status"): _words(
        "draft requested received accepted rejected ready cancelled in-progress on-hold failed completed entered-in-error"
    ),
    ("Task", "intent"): _words("unknown proposal plan order original-order reflex-order filler-order instance-order option"),
    ("Task", "priority"): _words("routine urgent asap stat"),
    ("ChargeItem", "status"): _words("planned billable not-billable aborted billed entered-in-error unknown"),
    **{(name, "comparator"): _QUANTITY for name in ("Quantity", "Age", "Count", "Distance", "Duration")},
    ("Identifier", "use"): _words("usual official temp secondary old"),
    ("HumanName", "use"): _words("usual official temp nickname anonymous old maiden"),
    ("ContactPoint", "system"): _words("phone fax email pager url sms other"),
    ("ContactPoint", "use"): _words("home work temp old mobile"),
    ("Address", "use"): _words("home work temp old billing"),
    ("Address", "type"): _words("postal physical both"),
    ("Narrative", "status"): _words("generated extensions additional empty"),
    ("TimingRepeat", "durationUnit"): _TIME_UNITS,
    ("TimingRepeat", "periodUnit"): _TIME_UNITS,
    ("TimingRepeat", "dayOfWeek"): _words("mon tue wed thu fri sat sun"),
    ("Contributor", "type"): _words("author editor reviewer endorser"),
    ("RelatedArtifact", "type"): _words(
        "documentation justification citation predecessor successor derived-from depends-on composed-of"
    ),
    ("TriggerDefinition", "type"): _words(
        "named-event periodic data-changed data-added data-modified data-removed data-accessed data-access-ended"
    ),
    ("ParameterDefinition", "use"): _words("in out"),
    ("DataRequirementSort", "direction"): _words("ascending descending"),
    ("Money", "currency"): _words(
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE "
        "CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GGP GHS GIP GMD GNF "
        "GTQ GYD HKD HNL HRK HTG HUF IDR ILS IMP INR IQD IRR ISK JEP JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP "
        "LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK "
        "PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP "
        "TRY TTD TVD TWD TZS UAH UGX USD USN UYI UYU UZS VEF VND VUV WST XAF XAG XAU XBA XBB XBC XBD XCD XDR XOF XPD XPF XPT "
        "XSU XTS XUA XXX YER ZAR ZMW ZWL"
    ),
}
"""(type, element) → the codes that R4 4.0.1 allows there (strength required)."""

R4_ONLY = _words(
    "EffectEvidenceSynthesis MedicinalProduct MedicinalProductAuthorization MedicinalProductContraindication "
    "MedicinalProductIndication MedicinalProductIngredient MedicinalProductInteraction MedicinalProductManufactured "
    "MedicinalProductPackaged MedicinalProductPharmaceutical MedicinalProductUndesirableEffect RiskEvidenceSynthesis "
    "SubstanceNucleicAcid SubstancePolymer SubstanceProtein SubstanceReferenceInformation SubstanceSourceMaterial "
    "SubstanceSpecification"
)
"""Resource types of R4 that the library, which knows R4B, has no model of."""

RESOURCE_TYPES = R4_ONLY | _words(
    "Account ActivityDefinition AdverseEvent AllergyIntolerance Appointment AppointmentResponse AuditEvent Basic Binary "
    "BiologicallyDerivedProduct BodyStructure Bundle CapabilityStatement CarePlan CareTeam CatalogEntry ChargeItem "
    "ChargeItemDefinition Claim ClaimResponse ClinicalImpression CodeSystem Communication CommunicationRequest "
    "CompartmentDefinition Composition ConceptMap Condition Consent Contract Coverage CoverageEligibilityRequest "
    "CoverageEligibilityResponse DetectedIssue Device DeviceDefinition DeviceMetric DeviceRequest DeviceUseStatement "
    "DiagnosticReport DocumentManifest DocumentReference Encounter Endpoint EnrollmentRequest EnrollmentResponse "
    "EpisodeOfCare EventDefinition Evidence EvidenceVariable ExampleScenario ExplanationOfBenefit FamilyMemberHistory Flag "
    "Goal GraphDefinition Group GuidanceResponse HealthcareService ImagingStudy Immunization ImmunizationEvaluation "
    "ImmunizationRecommendation ImplementationGuide InsurancePlan Invoice Library Linkage List Location Measure "
    "MeasureReport Media Medication MedicationAdministration MedicationDispense MedicationKnowledge MedicationRequest "
    "MedicationStatement MessageDefinition MessageHeader MolecularSequence NamingSystem NutritionOrder Observation "
    "ObservationDefinition OperationDefinition OperationOutcome Organization OrganizationAffiliation Parameters Patient "
    "PaymentNotice PaymentReconciliation Person PlanDefinition Practitioner PractitionerRole Procedure Provenance "
    "Questionnaire QuestionnaireResponse RelatedPerson RequestGroup ResearchDefinition ResearchElementDefinition "
    "ResearchStudy ResearchSubject RiskAssessment Schedule SearchParameter ServiceRequest Slot Specimen SpecimenDefinition "
    "StructureDefinition StructureMap Subscription Substance SupplyDelivery SupplyRequest Task TerminologyCapabilities "
    "TestReport TestScript ValueSet VerificationResult VisionPrescription"
)
"""The resource types of R4 4.0.1."""

NOT_R4_ELEMENTS = _words("valueCodeableReference valueRatioRange fhir_comments")
"""Elements that the library takes and R4 does not have."""
