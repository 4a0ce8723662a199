"""Golden of the tokenizer and the chat template: token ids of nasty Unicode text, rendered conversations.

The strings are built here from code points, so that the file stays readable and no editor normalises them.
Run: python reference/tokenizer_golden.py MODEL_FOLDER
"""

from __future__ import annotations

import sys
import unicodedata

from common import load_tokenizer, write_golden


def nasty_strings() -> list[str]:
    """About 150 strings that break tokenizers."""
    words = "naïve café Zürich Ångström fiancée Straße İstanbul ﬁne ½ ㎏ Ⅷ ｆｕｌｌ"
    strings = ["", " ", "  ", "   ", "\t", "\n", "\r", "\r\n", "\n\n", "\n\n\n", " \n", "\n ", "\t\t ", " \t\n\r\v\f"]
    strings += ["a", "A", "the", " the", "  the", "the ", "the  ", " the quick  brown   fox    jumps", "Hello, world!"]
    strings += ["I'm you're we'll they've he'd it's I'M YOU'RE WE'LL 'sup ''s '", "don’t can’t it’s", "'S 'T 'RE 're're"]
    strings += [str(10**k) for k in (0, 1, 2, 5, 12, 40)]
    strings += ["0123456789", "3.14159", "1,000,000", "v1.2.3-rc.4", "2024-12-31T23:59:59Z", "+49 (0)30 1234567", "1e-10"]
    strings += ["٠١٢٣٤٥٦٧٨٩", "१२३४५", "５６７", "²³¹⁄₄", "①②③", "Ⅳ ⅷ", "x²+y²=z²", "12abc34", "abc123def456", " 42", "4 2", "一二三"]
    strings += [words, unicodedata.normalize("NFD", words), unicodedata.normalize("NFC", words)]
    strings += [unicodedata.normalize("NFKC", words), unicodedata.normalize("NFKD", words)]
    strings += ["\u00e9", "e\u0301", "\u1e69", "s\u0323\u0307", "s\u0307\u0323", "\uac00", "\u1100\u1161", "a\u0300\u0301\u0302\u0303\u0304\u0305"]
    strings += ["Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349\u035a\u032f\u031e\u0320\u034dA\u036b\u0357\u0334\u0362\u0335\u031c\u0330\u0354L"]
    strings += ["😀", "👍🏽", "👨‍👩‍👧‍👦", "👩🏿‍💻", "🏳️‍🌈", "🇩🇪🇫🇷", "🇩", "❤️", "❤", "☺️ ☺", "5️⃣ #️⃣", "🫠🫡🪿", "a😀b 😀 c", "😀" * 20]
    strings += ["\U0001f469\u200d\u2764\ufe0f\u200d\U0001f48b\u200d\U0001f468", "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"]
    strings += ["مرحبا بالعالم", "שָׁלוֹם עוֹלָם", "English עברית English العربية", "\u202eabc\u202c", "\u2067مرحبا\u2069 x", "پژوهش‌های ایران"]
    strings += ["你好，世界！", "日本語のテキスト、カタカナ、ひらがな。", "안녕하세요 세계", "繁體中文與简体中文", "𠮷野家", "㍿ ㌔", "がぎぐ", "か\u3099き\u3099"]
    strings += ["नमस्ते दुनिया", "สวัสดีชาวโลก", "ខ្មែរ", "မြန်မာ", "தமிழ்", "ქართული", "Ελληνικά ΣΊΣΥΦΟΣ σίσυφος", "Привет, мир! Ё ё", "ⴰⵎⴰⵣⵉⵖ", "ᏣᎳᎩ", "አማርኛ", "བོད་ཡིག"]
    strings += ["𝕳𝖊𝖑𝖑𝖔 𝓌𝑜𝓇𝓁𝒹", "𐍈𐌰", "𓀀𓀁", "\U0010fffd", "\ue000\uf8ff", "\ufffd", "\ufffe\uffff", "ab\u0000cd", "\u0001\u0002\u001f\u007f", "\u0080\u0085\u009f"]
    strings += ["\ufeffBOM first", "mid\ufeffdle", "zero\u200bwidth\u200cjoin\u200der\u2060word", "soft\u00adhyphen", "\u00a0nbsp\u00a0\u00a0two", "\u3000full\u3000width", "\u2003em\u2009thin\u200ahair\u202fnarrow\u205fmath\u1680ogham", "line\u2028sep\u2029para", "\u180emongol"]
    strings += ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", "a<|im_end|>b", " <|im_end|> ", "  <|im_start|>  x", "<|im_end|><|im_end|>", "<|im_end|>\n", "<|im_start |>", "<|im_end", "<|IM_END|>", "<<|im_end|>>", "x<repo_name>y<file_sep>z", "<empty_output><jupyter_code>1+1", "<issue_start><issue_comment>", "<unk><s></s>[INST]", "<|system|>"]
    strings += ["a" * 300, "ab" * 150, " " * 257, "\n" * 65, "\t" * 33, "=" * 80, "-" * 81, "!" * 77, "haha" * 40, "é" * 50, "中" * 60, "1" * 101, "a " * 60, " a" * 60, "." * 100 + "end"]
    strings += ["def f(x):\n    return x ** 2  # square\n", "for (int i = 0; i < n; ++i) { a[i] += b[i]; }", "\tif\t(x)\n\t\treturn;\n", "SELECT * FROM t WHERE a='b' -- c", '{"key": [1, 2.5, null, true], "s": "\\u00e9\\n"}', "<div class=\"a\">&amp;&nbsp;</div>", "https://example.org/a?b=c&d=%20#e", "C:\\Users\\x\\y.txt", "\\frac{a}{b} \\sum_{i=1}^{n} x_i", "a->b::c<d>&&e||!f", "#!/bin/sh\nset -e\n", "_snake_case camelCase PascalCase SCREAMING_SNAKE kebab-case", "print('''multi\nline''')", "    indented\n        more\n\n\n    back"]
    strings += ["ﬀ ﬃ ﬆ", "…—–‐‑‒“”‘’«»„‚", "€£¥₹₿¢", "∀x∈ℝ: ⌈x⌉ = −⌊−x⌋", "→⇒↔︎", "¿Qué? ¡Olé!", "ªº", "ŉ ǅ ß ẞ", "K Å Ω", "a\u0345 ΐ", "Hello你好Привет مرحبا😀123", "mixed\tTabs and\u00a0spaces \n newline", "don't—stop…now!?!?", "A.B.C. e.g., i.e.; etc.", "word" + "\u0301" * 30, "THE END.\n\n\n  \n\t\n", "trailing spaces     ", "\n\n  leading", "a\n b\n  c\n   d"]
    return strings


def conversations() -> list[dict]:
    """Conversations with and without a system prompt, with and without a generation prompt."""
    user = {"role": "user", "content": "Name two primary colours."}
    answer = {"role": "assistant", "content": "Red and blue."}
    more = {"role": "user", "content": "And a third?\n\nExplain  briefly."}
    system = {"role": "system", "content": "You are a terse painter."}
    tricky = {"role": "user", "content": "  spaces kept? <|im_end|> é e\u0301 😀\n"}
    lists = [[user], [system, user], [user, answer], [system, user, answer], [user, answer, more], [system, user, answer, more]]
    lists += [[tricky], [{"role": "system", "content": ""}, user], [user, {"role": "assistant", "content": ""}]]
    rows = [{"messages": m, "addGenerationPrompt": flag} for m in lists for flag in (True, False)]
    return rows


def main() -> None:
    tokenizer = load_tokenizer(sys.argv[1])
    strings = nasty_strings()
    rows = []
    for text in strings:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        rows.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids, clean_up_tokenization_spaces=False)})
    same = sum(row["text"] == row["decoded"] for row in rows)
    print(f"{len(rows)} strings, {same} decode to themselves")
    for row in rows:
        if row["decoded"] == row["text"]:
            del row["decoded"]  # present only where the round trip is not exact
    chats = conversations()
    for chat in chats:
        flag = chat["addGenerationPrompt"]
        chat["text"] = tokenizer.apply_chat_template(chat["messages"], tokenize=False, add_generation_prompt=flag)
        encoded = tokenizer.apply_chat_template(chat["messages"], tokenize=True, add_generation_prompt=flag, return_dict=True)
        chat["ids"] = encoded["input_ids"]
    skipped = [1, 4093, 198, 19556, 2, 198]
    write_golden(
        "tokenizer",
        __file__,
        ["transformers", "tokenizers", "jinja2"],
        {
            "model": "smollm2-135m-instruct",
            "note": "ids without added tokens; special tokens in the text recognised; decoded only where it differs from text",
            "rows": rows,
            "chats": chats,
            "decodeSkipSpecial": {"ids": skipped, "text": tokenizer.decode(skipped, skip_special_tokens=True, clean_up_tokenization_spaces=False)},
            "vocabSize": len(tokenizer),
        },
    )


if __name__ == "__main__":
    main()
