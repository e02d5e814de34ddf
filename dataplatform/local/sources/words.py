"""The vocabulary of the demo company: names, places, wares, phrases. Data only."""

from __future__ import annotations

FIRST_NAMES = (
    "Anna", "Ben", "Clara", "David", "Elena", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Katrin",
    "Lars", "Marie", "Noah", "Olivia", "Paul", "Quentin", "Rosa", "Simon", "Tara", "Ulrich",
    "Vera", "William", "Xenia", "Yusuf", "Zoe", "José", "Zoë", "Łukasz", "Søren", "Chloé", "Jürgen",
    "Amelia", "Liam", "Sofia", "Mateo", "Aisha", "Kenji", "Priya", "Ngozi", "Bjørn", "Fatima",
)  # fmt: skip
LAST_NAMES = (
    "Müller", "Schmidt", "Weber", "Wagner", "Becker", "Dupont", "Martin", "Bernard", "Rossi",
    "Bianchi", "García", "López", "Novak", "Kowalski", "Jansen", "De Vries", "Smith", "Johnson",
    "O'Brien", "Williams", "Brown", "Davis", "Miller", "Wilson", "Anderson", "Nguyen", "Tanaka",
    "Patel", "Okafor", "Andersson", "Nielsen", "Virtanen", "Silva", "Costa", "Ferreira", "Horvat",
)  # fmt: skip
MAIL_DOMAINS = ("example.com", "example.org", "example.net", "mail.example", "post.example")

# country, currency, time zone, telephone code, weight, cities
COUNTRIES = (
    ("DE", "EUR", "Europe/Berlin", "49", 30, ("Berlin", "Hamburg", "München", "Köln")),
    ("FR", "EUR", "Europe/Paris", "33", 14, ("Paris", "Lyon", "Nantes", "Orléans")),
    ("NL", "EUR", "Europe/Amsterdam", "31", 8, ("Amsterdam", "Utrecht", "Den Haag", "Breda")),
    ("ES", "EUR", "Europe/Madrid", "34", 8, ("Madrid", "Sevilla", "Bilbao", "A Coruña")),
    ("IT", "EUR", "Europe/Rome", "39", 8, ("Roma", "Milano", "Torino", "Bari")),
    ("US", "USD", "America/New_York", "1", 24, ("New York", "Boston", "Austin", "Denver")),
    ("CA", "USD", "America/Toronto", "1", 5, ("Toronto", "Montréal", "Halifax", "Calgary")),
    ("SG", "USD", "Asia/Singapore", "65", 3, ("Singapore", "Jurong", "Tampines", "Bedok")),
)
STREETS = (
    "Main Street", "High Street", "Station Road", "Lindenallee", "Rue de l'Église", "Calle Mayor",
    "Via Roma", "Kerkstraat", "Park Avenue", "Mill Lane", "Gartenweg", "Quai des Arts",
)  # fmt: skip

CATEGORIES = ("Coffee", "Tea", "Kitchen", "Garden", "Stationery", "Lamps", "Toys", "Textiles")
ADJECTIVES = (
    "Plain", "Bright", "Quiet", "Sturdy", "Little", "Grand", "Nordic", "Rustic", "Modern", "Fair",
)  # fmt: skip
WARES = ("Kettle", "Notebook", "Lamp", "Basket", "Blanket", "Mug", "Grinder", "Vase", "Tray", "Set")
COLOURS = ("red", "blue", "green", "black", "white", "ochre")
TAG_SETS = ("{}", "{vip}", "{newsletter}", "{wholesale,vip}", '{"early adopter",newsletter}')
CHANNELS = ("mail", "phone", "post")
LANGUAGES = ("de", "fr", "nl", "es", "it", "en")
NOTES = (
    'Leave it with the "neighbour"',
    "Ring twice,\nthen wait",
    "Gift \u2013 no invoice, please",
    "Path C:\\orders\\new; keep as is",
    "50% off\tagreed by phone",
    "  call before delivery  ",
)

INDUSTRIES = ("Retail", "Hospitality", "Education", "Healthcare", "Manufacturing", "Technology")
COMPANY_WORDS = ("North", "Blue", "Stone", "River", "Oak", "Silver", "Harbour", "Meadow", "Summit")
COMPANY_KINDS = ("GmbH", "Ltd", "Inc.", "SARL", "& Sons", "Group")
STAGES = ("Prospecting", "Qualification", "Proposal", "Negotiation", "Closed Won", "Closed Lost")
LEAD_STATES = ("Open", "Contacted", "Qualified", "Unqualified")
LEAD_SOURCES = ("Web", "Fair", "Referral", "Advertisement")

PHRASES = ("brews well", "arrived late", "is worth it", "broke once", "looks lovely", "fits us")
TOPICS = ("coffee", "delivery", "my garden", "the new kettle", "returns", "gift ideas", "prices")
CATCH = ("Reliable", "Open", "Everyday", "Shared", "Patient", "Practical")
BUSINESS = ("sells", "mends", "ships", "designs", "grows", "lends")
