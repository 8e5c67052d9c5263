"""scikit-learn classifiers of flattened 8 x 8 digits through skl2onnx, and CatBoost; gradients by differences of scikit-learn's own scores."""

import catboost
import numpy as np
import skl2onnx
import sklearn
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import SVC

from record import uniform

SHAPE, SCALE = (1, 1, 8, 8), (0, 16)
NAMES = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])


def logits_of(model, rows):
    """Scores before the last activation in float64: of two classes as [-z, z]."""
    *steps, last = [step for _, step in model.steps] if hasattr(model, "steps") else [model]
    for step in steps:
        rows = step.transform(rows)
    if isinstance(last, MLPClassifier):
        activation, last.out_activation_ = last.out_activation_, "identity"
        scores = last._forward_pass_fast(rows, check_input=False)
        last.out_activation_ = activation
    else:
        scores = last.decision_function(rows)
    scores = scores.reshape(len(rows), -1)
    return np.concatenate([-scores, scores], axis=1) if scores.shape[1] == 1 else scores


def by_differences(model, image, step=1e-5):
    logits = logits_of(model, image)[0]
    index = int(logits.argmax())
    ways = step * np.eye(image.size)
    gradient = (logits_of(model, image + ways) - logits_of(model, image - ways))[:, index] / (2 * step)
    return logits, gradient, index


def make(folder):
    images, digits = load_digits(return_X_y=True)
    image = uniform((1, 64), lo=SCALE[0], hi=SCALE[1]).astype(np.float64)

    def add(name, build, zipmap=False, labels=digits, rows=slice(None), refused=None, is_committed=False):
        name = f"sklearn-{name}"
        if not folder.wants(name, is_committed):
            return

        def run():
            model = build().fit(images[rows].astype(np.float64), labels[rows])
            exporter = f"skl2onnx {skl2onnx.__version__}"
            if isinstance(model, catboost.CatBoostClassifier):
                model.save_model(folder.file(name), format="onnx")
                exporter = f"CatBoost {catboost.__version__}"
            else:
                file = skl2onnx.to_onnx(model, images[:1].astype(np.float32), options={id(model): {"zipmap": zipmap}})
                with open(folder.file(name), "wb") as target:
                    target.write(file.SerializeToString())
            facts = {"lo": SCALE[0], "hi": SCALE[1], "grid": None, "labels": [str(label) for label in model.classes_]}
            source = f"scikit-learn {sklearn.__version__} {name}"
            if refused is None:
                logits, gradient, index = by_differences(model, image)
                folder.record(name, exporter, source, SHAPE, logits, gradient, "central differences of scikit-learn in float64", class_index=index, **facts)
            else:
                # The vote of a class is explained as the logarithm of its share.
                if isinstance(model, catboost.CatBoostClassifier):
                    logits = model.predict(image, prediction_type="RawFormulaVal")[0]
                else:
                    logits = np.log(np.maximum(model.predict_proba(image), 1e-6))[0]
                folder.record(name, exporter, source, SHAPE, logits, np.zeros(64), "none", refused=refused, is_scored=True, **facts)

        folder.attempt(name, run)

    def logistic():
        return LogisticRegression(max_iter=300)

    def network(**more):
        return MLPClassifier((12,), max_iter=80, random_state=1, **more)

    for label, zipmap in (("zipmap", True), ("plain", False), ("columns", "columns")):
        add(f"logistic-{label}", logistic, zipmap)
        add(f"mlp-{label}", network, zipmap, is_committed=zipmap == "columns")
    add("mlp-names-columns", network, "columns", NAMES[digits])
    add("mlp-names", network, True, NAMES[digits])
    add("mlp-names-plain", network, False, NAMES[digits])
    add("logistic-names-plain", logistic, False, NAMES[digits])
    add("logistic-two", logistic, rows=digits < 2)
    add("mlp-two", network, rows=digits < 2)
    add("mlp-logistic", lambda: network(activation="logistic"))
    add("scaled-mlp", lambda: make_pipeline(StandardScaler(), network()), True, NAMES[digits], is_committed=True)
    add("normalised-logistic", lambda: make_pipeline(Normalizer(), logistic()), is_committed=True)
    add("pca-logistic", lambda: make_pipeline(PCA(16, random_state=1), logistic()))
    trees = "trees answer in steps"
    add("forest", lambda: RandomForestClassifier(4, max_depth=4, random_state=1), True, refused=trees, is_committed=True)
    add("catboost", lambda: catboost.CatBoostClassifier(iterations=4, depth=3, verbose=0, allow_writing_files=False), refused=trees)
    add("svc", lambda: SVC(probability=True, random_state=1), refused="ai.onnx.ml:SVMClassifier at node")
