/** A number that the paper prints, in percent. */
export interface PublishedValue {
  readonly table: "table1" | "table2" | "table3";
  readonly model: string;
  /** Row id as in our tables. */
  readonly row: string;
  readonly metric: "deletion" | "insertion" | "over-all" | "pointing-game";
  readonly percent: number;
}

/** What the numbers of each published table rest on. */
export const publishedProtocols = {
  table1:
    "Inception_v3 at 224 x 224, 5,000 random images of the ImageNet-1k validation set; blur 51, sigma 50",
  table2:
    "DenseNet201, Inception_v3 and VGG19 at 224 x 224, all 50,000 images of the ImageNet-1k validation set; blur 51, sigma 50",
  table3:
    "ResNet50 with an 80-way output layer trained on COCO, categories above probability 0.5 in the 5,000 images of val2017, tolerance 0",
} as const;

/** Deviations that the published numbers do not settle. */
export const publishedNotes: readonly string[] = [
  "The paper does not say how many pixels a step removes; 1792 (28 steps) follows the authors' first evaluation code.",
  "Insertion values of one method on Inception_v3 differ by 16 to 18 % between its tables 1 and 2, so the two were very likely not made by one protocol; no configuration can reproduce both.",
  "Expect the order of methods, not the digits: networks, weights, images and their resizing differ.",
];

const table1: readonly (readonly [row: string, deletion: number, insertion: number, overAll: number])[] = [
  ["grad-cam", 17.92, 66.04, 48.12],
  ["wgrad-cam", 17.23, 66.83, 49.6],
  ["meaningful-perturbation", 12.7, 49.21, 36.51],
  ["i-gos", 8.76, 57.25, 48.49],
  ["aop:grad-cam+meaningful-perturbation", 11.9, 62.58, 50.68],
  ["aop:grad-cam+i-gos", 8.97, 65.47, 56.5],
  ["sigcam", 9.91, 67.57, 57.66],
];

const table2: readonly (readonly [
  row: string,
  densenet201: readonly [deletion: number, insertion: number],
  inceptionV3: readonly [deletion: number, insertion: number],
  vgg19: readonly [deletion: number, insertion: number],
  overAll: number,
])[] = [
  ["grad-cam", [16.72, 58.65], [16.95, 56.14], [13.33, 53.5], 40.43],
  ["grad-cam-pp", [17.35, 57.55], [16.24, 53.83], [14.81, 50.04], 37.68],
  ["i-gos", [10.63, 44.67], [9.32, 49.28], [7.38, 38.47], 35.03],
  ["xrai", [24.97, 45.22], [16.66, 54.98], [15.78, 43.08], 28.62],
  ["sigcam", [10.97, 54.61], [10.22, 57.94], [7.8, 42.54], 42.04],
];

const table3: readonly (readonly [row: string, meanAccuracy: number])[] = [
  ["grad-cam", 25.78],
  ["grad-cam-pp", 29.91],
  ["i-gos", 35.72],
  ["xrai", 28.12],
  ["sigcam", 38.64],
];

/** Every number of the paper's three tables. */
export function publishedValues(): readonly PublishedValue[] {
  const values: PublishedValue[] = [];
  const add = (
    table: PublishedValue["table"],
    model: string,
    row: string,
    metric: PublishedValue["metric"],
    percent: number,
  ): void => {
    values.push({ table, model, row, metric, percent });
  };
  for (const [row, deletion, insertion, overAll] of table1) {
    add("table1", "inception_v3", row, "deletion", deletion);
    add("table1", "inception_v3", row, "insertion", insertion);
    add("table1", "inception_v3", row, "over-all", overAll);
  }
  for (const [row, densenet201, inceptionV3, vgg19, overAll] of table2) {
    const models = { densenet201, inception_v3: inceptionV3, vgg19 };
    for (const [model, [deletion, insertion]] of Object.entries(models)) {
      add("table2", model, row, "deletion", deletion);
      add("table2", model, row, "insertion", insertion);
    }
    add("table2", "mean of models", row, "over-all", overAll);
  }
  for (const [row, accuracy] of table3) add("table3", "resnet50", row, "pointing-game", accuracy);
  return values;
}
