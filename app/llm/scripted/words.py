"""The vocabulary of the scripted model: enough for some hundred thousand different tasks."""

VERBS = (
    "Describe", "Explain", "Summarise", "Compare", "List", "Outline", "Suggest", "Rewrite",
    "Translate", "Compose", "Estimate", "Criticise", "Plan", "Simplify", "Name", "Imagine",
    "Recommend", "Review", "Draft", "Reconstruct", "Weigh", "Correct", "Justify", "Predict",
)  # fmt: skip
ASPECTS = (
    "the history of", "the rules of", "the price of", "the smell of", "the future of",
    "the mending of", "the invention of", "the colours of", "the dangers of", "the language of",
    "the tools of", "the secrets of", "three uses of", "an argument against", "a poem about",
    "a quarrel about", "a timetable for", "a petition about", "an inspection of", "a lecture on",
    "a rumour about", "a glossary of", "the first memory of", "the daily work of",
    "an honest advertisement for", "the tax on", "a museum of", "a song in praise of",
    "the statistics of", "a warning about", "a rhyme on", "the etiquette of",
)  # fmt: skip
QUALITIES = (
    "damp", "stubborn", "forgotten", "handmade", "northern", "borrowed", "noisy", "narrow",
    "ancient", "foreign", "painted", "unfinished", "wandering", "frozen", "private", "crooked",
    "celebrated", "hollow", "striped", "reluctant", "imported", "miniature", "weathered",
    "illegal", "enormous", "silent", "rival", "costly", "famous", "vanishing", "coastal", "royal",
    "clumsy", "fragrant", "wooden", "secret", "early", "lonely", "modern", "spare",
)  # fmt: skip
SUBJECTS = (
    "lighthouses", "lentil soup", "table tennis", "beehives", "vinegar", "exam weeks", "sea walls",
    "rented rooms", "rain barrels", "village fairs", "quinces", "square roots", "night porters",
    "calendars", "bicycle tyres", "fish markets", "speeches", "thunderstorms", "carpenters",
    "foxes", "titrations", "fog", "glass blowing", "tide tables", "sourdough", "letters",
    "slate roofs", "ferry crossings", "chess clubs", "orchards", "sheepdogs", "wool mills",
    "marbles", "canal boats", "compost heaps", "street lamps", "brass bands", "pocket watches",
    "salt mines", "weather stations", "hedgerows", "pencils", "rope bridges", "tea gardens",
    "barometers", "cobblers", "stained glass", "night trains", "allotments", "skating rinks",
    "windmills", "cuckoo clocks", "mushrooms", "paper mills", "snow ploughs", "honeycombs",
    "footpaths", "tailors", "telescopes", "peat bogs", "ink wells", "kites", "harbour pilots",
    "rocking chairs", "greenhouses", "postage stamps", "lace", "swallows", "cellars", "sundials",
    "umbrellas", "olive presses", "scarecrows", "milk rounds", "bookbinders", "cable cars",
    "hot springs", "jugglers", "walnut trees", "door locks", "spinning tops", "choirs",
    "blacksmiths", "tram lines", "herb gardens", "wells", "crosswords", "oyster beds", "thatch",
    "lullabies", "moths", "drawbridges", "cheese", "typewriters", "glaciers", "puppet shows",
    "shoe polish", "rowing boats", "vineyards", "candles", "buttons", "mountain huts", "pigeons",
    "fountains", "dictionaries", "ploughing matches", "reed beds", "soap bubbles", "toll roads",
    "echoes", "knots", "weighing scales", "bakeries", "otters", "quarries", "patchwork quilts",
    "ice houses", "signal boxes", "stone walls", "garden sheds",
)  # fmt: skip
THINGS = (
    "the history of lighthouses", "a recipe for lentil soup", "the rules of table tennis",
    "an apology to a neighbour", "how bees find their way", "three uses of vinegar",
    "a timetable for exam week", "the causes of coastal erosion", "a contract clause about rent",
    "the plot of an invented novel", "ways of saving water", "a budget for a village fair",
    "the taste of unripe quinces", "a proof that the square root of two is irrational",
    "the duties of a night porter", "an argument against daylight saving time",
    "how to repair a bicycle tyre", "the sounds of an early market", "a speech for a retirement",
    "the difference between weather and climate", "an inventory of a carpenter's workshop",
    "a bedtime story about a fox", "the steps of a chemical titration", "a haiku about fog",
)  # fmt: skip
MANNERS = (
    "for a child of seven", "in exactly two sentences", "without using the letter z",
    "as a letter to a friend", "for somebody new to the subject", "in the style of a sea captain",
    "so that a tired reader enjoys it", "as a numbered set of steps", "for a local newspaper",
    "using plain words only", "and give one example of it", "in no more than forty words",
    "as if it happened a century ago", "for a sceptical engineer", "in the form of a dialogue",
    "and end with a question", "for a visitor from abroad", "with one surprising comparison",
)  # fmt: skip
LABELS = (
    ("urgent", "routine"), ("formal", "casual"), ("fact", "opinion"), ("indoors", "outdoors"),
    ("happy", "unhappy"), ("edible", "poisonous"), ("singular", "plural"), ("past", "present"),
)  # fmt: skip
KINDS = (
    "a note left on a kitchen table", "a line from a diary", "a message to a landlord",
    "a sentence in a travel guide", "a remark overheard on a train", "a notice in a library",
    "a caption from an old postcard", "a reply to an invitation", "a headline in a school paper",
)  # fmt: skip
