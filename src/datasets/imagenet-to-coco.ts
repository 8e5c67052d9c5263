/** A run of class indices, both ends included. */
function from(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
}

/**
 * Which ImageNet-1k classes show each COCO category, by class name: a class is listed if everything it names is of the
 * category (all breeds of dog, but neither wolf nor dingo). Categories without such a class (giraffe, frisbee, fork, ...)
 * are left out: an ImageNet classifier cannot be asked for them.
 */
export const imagenetToCoco: Readonly<Record<string, readonly number[]>> = {
  // ballplayer, groom, scuba diver
  person: [981, 982, 983],
  // bicycle-built-for-two, mountain bike
  bicycle: [444, 671],
  // beach wagon, cab, convertible, jeep, limousine, minivan, Model T, racer, sports car
  car: [436, 468, 511, 609, 627, 656, 661, 751, 817],
  // moped, motor scooter
  motorcycle: [665, 670],
  // airliner, warplane
  airplane: [404, 895],
  // minibus, school bus, trolleybus
  bus: [654, 779, 874],
  // bullet train, electric locomotive, freight car, passenger car, steam locomotive, streetcar
  train: [466, 547, 565, 705, 820, 829],
  // fire engine, garbage truck, moving van, pickup, tow truck, trailer truck
  truck: [555, 569, 675, 717, 864, 867],
  // canoe, catamaran, container ship, fireboat, gondola, lifeboat, liner, pirate ship, schooner, speedboat, trimaran, yawl
  boat: [472, 484, 510, 554, 576, 625, 628, 724, 780, 814, 871, 914],
  "traffic light": [920],
  "parking meter": [704],
  bench: [703],
  // cock to great grey owl, black grouse to black swan, white stork to albatross
  bird: [...from(7, 24), ...from(80, 100), ...from(127, 146)],
  cat: from(281, 285),
  // Chihuahua to Mexican hairless
  dog: from(151, 268),
  // sorrel
  horse: [339],
  // ram, bighorn
  sheep: [348, 349],
  // ox
  cow: [345],
  // tusker, Indian elephant, African elephant
  elephant: [101, 385, 386],
  // brown, American black, ice, sloth bear
  bear: from(294, 297),
  zebra: [340],
  backpack: [414],
  umbrella: [879],
  // purse
  handbag: [748],
  // bolo tie, bow tie, Windsor tie
  tie: [451, 457, 906],
  skis: [795],
  // baseball, basketball, croquet, golf, ping-pong, rugby, soccer, tennis ball, volleyball
  "sports ball": [429, 430, 522, 574, 722, 768, 805, 852, 890],
  "tennis racket": [752],
  // beer, pill, pop, water, wine bottle
  bottle: [440, 720, 737, 898, 907],
  // goblet
  "wine glass": [572],
  // coffee mug, cup
  cup: [504, 968],
  // cleaver
  knife: [499],
  // wooden spoon
  spoon: [910],
  // mixing bowl, soup bowl
  bowl: [659, 809],
  banana: [954],
  // Granny Smith
  apple: [948],
  // cheeseburger
  sandwich: [933],
  orange: [950],
  broccoli: [937],
  "hot dog": [934],
  pizza: [963],
  // barber chair, folding chair, rocking chair, throne
  chair: [423, 559, 765, 857],
  // studio couch
  couch: [831],
  // pot: a flowerpot
  "potted plant": [738],
  // four-poster
  bed: [564],
  "dining table": [532],
  // toilet seat
  toilet: [861],
  // monitor, screen, television
  tv: [664, 782, 851],
  // laptop, notebook computer
  laptop: [620, 681],
  // mouse, the computer's
  mouse: [673],
  remote: [761],
  keyboard: [508],
  "cell phone": [487],
  microwave: [651],
  // stove
  oven: [827],
  toaster: [859],
  // washbasin
  sink: [896],
  refrigerator: [760],
  // analog, digital, wall clock
  clock: [409, 530, 892],
  vase: [883],
  // teddy
  "teddy bear": [850],
  // hand blower
  "hair drier": [589],
};
