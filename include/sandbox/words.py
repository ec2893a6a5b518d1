"""Parts of made-up names, captions and hashtags. Changing a word changes the made-up world."""

import unicodedata


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ADJECTIVES = _words(
    "amber brisk calm cedar chalk civil clover cobalt copper cosmic cozy crisp dapper dusty eager ember fable fern "
    "flint foggy gentle ginger glad hazel honest humble indigo ivory jade jolly keen kind lilac linen lively lunar "
    "maple mellow minty misty modest neon nimble nova oak olive opal pastel pearl peppy plum quirky rusty sandy silver "
    "sleepy snug solar sunny tidal toasty velvet witty zesty"
)
NOUNS = _words(
    "acorn anchor atlas badger basil beacon biscuit canvas canyon caravan comet cricket dolphin drummer falcon fiddle "
    "finch fox gazelle glider heron hopper iguana island juggler kettle kite lantern ledger lynx magpie marble meteor "
    "mosaic narwhal nomad otter paddle panda pebble pickle pigeon pilot piper puffin quokka radar ranger raven robin "
    "rocket sailor scout sparrow squid teapot tinker tulip turtle walrus weaver willow wizard yak"
)

# Per script: joint, first parts, second parts.
NICKNAME_PARTS = (
    (" ", ("Amber", "Quiet", "Lucky", "Tuesday", "Small", "Borrowed"), ("Acorn", "Kites", "Otter", "Pickle", "Club")),
    (" ", ("Nova", "O'Pebble", "100%", "{curly}", "back\\slash", "Biscuit &"), ('"Nine"', "Basil", "badger", "lab")),
    (" ", ("𝓿𝓮𝓵𝓿𝓮𝓽", "𝓬𝓪𝓵𝓶", "Ｗｉｄｅ"), ("𝓯𝓸𝔁", "𝓶𝓸𝓽𝓱", "Ｗｉｌｌｏｗ")),
    (" ", ("Тихий", "Весёлый", "Синий", "Лесной"), ("Маяк", "Чайник", "Ёж", "Сад")),
    (" ", ("Ήσυχος", "Μικρός"), ("Κήπος", "Φάρος")),
    ("", ("静かな", "小さな", "青い", "夜の"), ("灯台", "カワウソ", "ゲーム部", "台所")),
    (" ", ("안개", "작은", "푸른", "새벽"), ("정원", "수달", "놀이터", "부엌")),
    ("", ("雲上的", "小小的", "慢慢的"), ("燈塔", "狐狸", "日記", "健身房")),
    ("", ("สวน", "บ้าน", "ร้าน"), ("ของนาก", "ริมทะเล", "ใบไม้")),
    (" ", ("Vườn", "Tiệm", "Góc"), ("Mây Nhỏ", "Diều Giấy", "Cá Vàng")),
    (" ", ("منارة", "حديقة", "رحلة"), ("هادئة", "صغيرة", "زرقاء")),
    (" ", ("שועל", "מגדלור"), ("קטן", "שקט")),
    (" ", ("छोटा", "नीला"), ("दीपक", "बगीचा")),
    (" ", ("ছোট", "নীল"), ("নৌকা", "বাগান")),
    (" ", ("சிறிய", "நீல"), ("விளக்கு", "படகு")),
    (" ", ("Żółta", "Mała", "Cicha"), ("Łódka", "Łąka", "Ćma")),
    (" ", ("Çılgın", "Küçük"), ("Tilki", "Değirmen")),
    (" ", ("Farol", "Chão"), ("São João", "Azul")),
)
ORNAMENTS = ("✨", "🦊", "🪁", "🎮", "🏋️‍♀️", "🎙️", "🇺🇳", "👩🏽‍🚀", "☕", "| studio", "~", "(official-ish)")
SIGNATURES = (
    "",
    "made up from head to toe",
    "street talk ✨ new video every day\nbusiness: nobody@sandbox.example",
    "tiny games, big blankets 🎮",
    "lift • eat • nap",
    "ごはんとゲームの記録",
    "Cuối tuần đi đâu?",
    'quotes "here", 100% of the time; and a back\\slash',
    "{not} a %(template)s 🤖",
    "рисую, готовлю, гуляю",
    "رحلات صغيرة",
)
REGIONS = ("US", "US", "US", "GB", "CA", "AU", "VN", "JP", "KR", "BR", "DE", "TH", "EG", "IN")

CAPTIONS = (
    "wait for the end 😂",
    "day one of doing this every day",
    "asked strangers what they would change",
    "no way this is {real}",
    'she said "again" and I said 100% yes',
    "it's a C:\\temp kind of day",
    "what would you pick? 👇",
    "part 2 is coming",
    "POV: you finally took the day off",
    "今日の記録 📹",
    "오늘도 한 판",
    "Lưu lại để xem sau nhé",
    "รีวิวแบบสั้นๆ",
    "всё получилось с третьего раза",
    "جربتها لأول مرة",
    "três coisas que aprendi",
    "",
)

DEMO_HASHTAGS = ("streetinterviews", "cozygaming", "gymtok")
COMMON_HASHTAGS = (*DEMO_HASHTAGS, "fyp", "foryou", "viral", "trending", "storytime", "smallbusiness", "booktok")


def search_key(text: str) -> str:
    """Return the normalised form of a hashtag: without `#`, blanks, case and Unicode variants."""
    return "".join(unicodedata.normalize("NFKC", text).replace("#", "").casefold().split())
