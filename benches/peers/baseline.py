"""A plain Python pipeline over the same calls: words by jieba, feeling by SnowNLP, and a dozen phrases by
regular expressions. It does a part of what the analysis does, as such scripts are written; it is here to be
timed against, not to be right.

    python baseline.py FILE...        prints JSON: calls, turns, findings, seconds of CPU
"""

import json
import re
import sys
import time

import jieba
from snownlp import SnowNLP

RULES = {
    "agent": {
        "impatience": r"快点说|到底要不要|说了多少遍|你听不懂|有完没完",
        "forbidden_phrase": r"不知道|不归我们管|没办法|不清楚|随便你",
        "deflection": r"(?:你|您)(?:自己)?(?:去)?找.{0,6}(?:问|反映|投诉)|不是我们(?:部门|单位)",
        "overpromise": r"(?:肯定|保证|一定)(?:能|会).{0,8}(?:解决|办好|到账|修好)",
        "dismissive": r"规定就是这样|系统就是这样|以系统为准",
        "greeting": r"您好|你好",
        "closing": r"再见|祝您|感谢(?:您的)?来电",
        "apology": r"抱歉|对不起|不好意思",
        "hold_notice": r"稍等|请等一下",
    },
    "caller": {
        "escalation_threat": r"投诉你|找媒体|曝光|打?12345|起诉|去告",
        "repeat_contact": r"打了.{0,4}(?:次|遍|回)|上次.{0,6}(?:打|反映)",
        "crisis": r"不想活|自杀|跳楼|着火|救命",
        "clarification_request": r"没听清|再说一遍|什么意思|没听懂",
    },
}
COMPILED = {role: {code: re.compile(pattern) for code, pattern in rules.items()} for role, rules in RULES.items()}


def analyze(call):
    """The findings and scores of one call."""
    turns, findings = [], []
    for index, turn in enumerate(call["turns"]):
        text = turn["text"].strip()
        words = [word for word in jieba.cut(text) if word.strip()]
        score = SnowNLP(text).sentiments if text else 0.5
        turns.append({"turn": index, "words": words, "sentiment": round(score, 3)})
        for code, pattern in COMPILED.get(turn["role"], {}).items():
            for match in pattern.finditer(text):
                findings.append({"turn": index, "code": code, "quote": match.group()})
    caller = [t["sentiment"] for t, turn in zip(turns, call["turns"]) if turn["role"] == "caller"]
    faults = sum(f["code"] in ("impatience", "forbidden_phrase", "deflection", "overpromise", "dismissive") for f in findings)
    return {
        "call_id": call["call_id"],
        "turns": turns,
        "findings": findings,
        "satisfaction": round(1 + 4 * (sum(caller) / len(caller) if caller else 0.5), 2),
        "score": max(0, 100 - 10 * faults),
    }


def main():
    calls = [json.loads(line) for path in sys.argv[1:] for line in open(path, encoding="utf-8") if line.strip()]
    # Dictionaries and models are loaded before the clock starts.
    jieba.initialize()
    SnowNLP("您好").sentiments
    start = time.process_time()
    found = sum(len(json.loads(json.dumps(analyze(call), ensure_ascii=False))["findings"]) for call in calls)
    seconds = time.process_time() - start
    turns = sum(len(call["turns"]) for call in calls)
    print(json.dumps({"calls": len(calls), "turns": turns, "findings": found, "seconds": round(seconds, 3)}))


if __name__ == "__main__":
    main()
