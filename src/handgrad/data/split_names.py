"""The names that people give to the folders of splits, in their languages."""

from __future__ import annotations

import re
import unicodedata

_WORDS = {
    "train": """
        train training trainings trn tr learning
        entrainement entraînement apprentissage
        entrenamiento entreno aprendizaje
        treino treinamento aprendizado
        addestramento allenamento apprendimento
        trainieren lernen
        trening treningowy treningowe uczenie
        träning træning trénování trenink eğitim koulutus opetus antrenare trenowanie
        обучение тренировка обучающая тренировочная
        训练 訓練 学習 トレーニング 훈련 학습 تدريب प्रशिक्षण
    """,
    "validation": """
        validation validations valid val vali validate dev development
        validierung validieren validación validacion validação validacao validazione convalida
        validatie walidacja walidacyjny walidacyjne validering validace doğrulama validointi validare
        валидация валидационная проверка
        验证 驗證 検証 검증 تحقق सत्यापन
    """,
    "test": """
        test testing tests tst holdout
        teste testes testen prueba pruebas prova prove essai testowy testowe testowanie testování testi
        тест тестирование тестовая
        测试 測試 テスト 테스트 시험 اختبار परीक्षण
    """,
    "evaluation": """
        eval evaluation evaluate evaluierung bewertung évaluation evaluación evaluacion avaliação avaliacao valutazione
        evaluatie ewaluacja оценка 评估 評価 평가
    """,
}
_FILLERS = """
    set sets data dataset images image imgs img pictures photos split splits dir folder seg
    daten datensatz satz bilder menge jeu de d des donnees conjunto datos dados imagens imagenes insieme di dati
"""
_SUFFIX = re.compile(r"(set|data|daten|datensatz|satz|images|bilder|menge|集|セット|用|データ|데이터)$")


def _plain(text: str) -> str:
    """Return a text without accents, case and digits."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter) and not letter.isdigit())


_SPLITS = {_plain(word): split for split, words in _WORDS.items() for word in words.split()}


def split_named(name: str) -> str | None:
    """Return which split a folder's name stands for: train, validation, test or evaluation; None for any other name.

    Examples
    --------
    >>> [split_named(name) for name in ("Training", "test_set", "val2017", "Entraînement", "Trainingsdaten", "trains")]
    ['train', 'test', 'validation', 'train', 'train', None]
    """
    words = [word for word in re.split(r"[\W_]+", _plain(name)) if word]
    if len(words) > 1:
        words = [word for word in words if word not in _FILLERS.split()]
    if len(words) != 1:
        return None
    (word,) = words
    return _SPLITS.get(word) or _SPLITS.get(_SUFFIX.sub("", word))
