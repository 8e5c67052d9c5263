/// <reference types="vite/client" />
declare const __VERSION__: string;
declare module "*.onnx?url" {
  const url: string;
  export default url;
}
