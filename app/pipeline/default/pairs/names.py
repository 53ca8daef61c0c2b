"""Names of inputs and outputs, in the languages that models answer in.

The names of the form that was asked for, and their translations, are sure. Others, such as
``Question`` and ``Answer``, may be part of a text, so they count only where no sure ones stand.
"""

import re
from functools import cache
from typing import Literal, TypeAlias

Field: TypeAlias = Literal["input", "output"]

# Inputs and outputs by language.
_SURE = """
(?:sample |example |given |test )?input(?:s|[ _]text|[ _]example)?
/ (?:sample |example |expected |desired |correct )?output(?:s|[ _]text|[ _]example)?
eingabe(?:text)? / (?:erwartete )?ausgabe(?:text)?
entrée / sortie
entrada / salida|saída
ingresso / uscita
invoer / uitvoer
wejście / wyjście
vstup / výstup
вход|ввод|входные данные / выход|вывод|выходные данные
вхід|вхідні дані / вихід|вихідні дані
girdi / ç\u0131kt\u0131
输入|輸入 / 输出|輸出
入力 / 出力
입력 / 출력
المدخل(?:ات)?|الإدخال|مدخل|إدخال / المخرج|المخرجات|الإخراج|مخرج|إخراج
इनपुट / आउटपुट
ইনপুট / আউটপুট
masukan / keluaran
đầu vào / đầu ra
อินพุต|ข้อมูลเข้า|ข้อมูลนำเข้า / เอาต์พุต|ข้อมูลออก|ผลลัพธ์
קלט / פלט
ورودی / خروجی
indata / utdata
είσοδος / έξοδος
bemenet / kimenet
syöte / tuloste
intrare / ieșire|ieşire
"""
_OTHERS = """
q|question|prompt|query|text|sentence|review|statement|passage|paragraph|context|message|email
|tweet|comment|article
/ a|answer|(?:correct |expected |sample )?(?:answer|response)|(?:class )?label|completion|result
|solution|classification|sentiment|category|translation|summary|prediction
frage|text|satz / antwort|ergebnis|lösung|bezeichnung
texte|phrase / réponse|résultat|étiquette
pregunta|texto|frase / respuesta|resultado|etiqueta
pergunta / resposta|rótulo
domanda|testo / risposta|etichetta
vraag / antwoord
pytanie|tekst / odpowiedź
otázka / odpověď
вопрос|текст / ответ|метка
питання|запитання / відповідь
soru|metin / cevap|yan\u0131t
问题|問題|问|問|文本|句子|提问 / 答案|回答|答|标签
質問|テキスト|文 / 答え|ラベル
질문|텍스트|문장 / 답변|대답|답|레이블
السؤال|سؤال|النص / الجواب|جواب|الإجابة|إجابة
प्रश्न|सवाल / उत्तर|जवाब
প্রশ্ন / উত্তর
pertanyaan / jawaban
câu hỏi / trả lời|câu trả lời
คำถาม / คำตอบ
שאלה / תשובה
سوال|پرسش / پاسخ
fråga / svar
spørgsmål|spørsmål
ερώτηση / απάντηση
kérdés / válasz
kysymys / vastaus
întrebare / răspuns
"""


def _names(table: str, at: int) -> str:
    lines = table.strip().replace("\n/", " /").replace("\n|", "|").splitlines()
    return "|".join(half for line in lines for half in line.split(" / ")[at : at + 1] if half)


SURE_INPUTS, SURE_OUTPUTS = _names(_SURE, 0), _names(_SURE, 1)
SURE = rf"(?:{SURE_INPUTS}|{SURE_OUTPUTS})"
ANY = rf"(?:{SURE_INPUTS}|{SURE_OUTPUTS}|{_names(_OTHERS, 0)}|{_names(_OTHERS, 1)})"
_FIELDS = (
    (re.compile(SURE_INPUTS, re.I), "input", True),
    (re.compile(SURE_OUTPUTS, re.I), "output", True),
    (re.compile(_names(_OTHERS, 0), re.I), "input", False),
    (re.compile(_names(_OTHERS, 1), re.I), "output", False),
)


@cache
def field_of(name: str) -> tuple[Field, bool] | None:
    """Return the field that a name stands for, and True when the name is sure; None for others."""
    folded = " ".join(name.split())
    for pattern, field, is_sure in _FIELDS:
        if pattern.fullmatch(folded):
            return ("input" if field == "input" else "output"), is_sure
    return None
