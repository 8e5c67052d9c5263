import { useEffect, useRef, useState } from "preact/hooks";
import { openImage } from "../state/studio.ts";

/** Takes a photograph with the device's camera. */
export function Camera({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const [trouble, setTrouble] = useState<string>();
  useEffect(() => {
    dialog.current?.showModal();
    let stream: MediaStream | undefined;
    let isClosed = false;
    const devices = navigator.mediaDevices as MediaDevices | undefined;
    if (devices === undefined) {
      setTrouble("The camera needs a page served over HTTPS.");
      return undefined;
    }
    devices.getUserMedia({ video: { facingMode: "environment" } }).then(
      (opened) => {
        stream = opened;
        if (isClosed) for (const track of opened.getTracks()) track.stop();
        else if (video.current !== null) video.current.srcObject = opened;
      },
      (error: unknown) =>
        setTrouble(
          `The camera cannot be used (${error instanceof Error ? error.message : String(error)}). Allow it in the browser, or choose a file.`,
        ),
    );
    return () => {
      isClosed = true;
      for (const track of stream?.getTracks() ?? []) track.stop();
    };
  }, []);
  const take = (): void => {
    const source = video.current;
    if (source === null || source.videoWidth === 0) return;
    const canvas = new OffscreenCanvas(source.videoWidth, source.videoHeight);
    const context = canvas.getContext("2d");
    context?.drawImage(source, 0, 0);
    const pixels = context?.getImageData(0, 0, canvas.width, canvas.height);
    dialog.current?.close();
    if (pixels !== undefined) {
      void openImage({ width: pixels.width, height: pixels.height, data: pixels.data }, "camera.png");
    }
  };
  return (
    <dialog ref={dialog} class="camera" onClose={onClose} aria-label="Camera">
      {trouble === undefined ? (
        <video ref={video} autoplay muted playsInline aria-label="What the camera sees" />
      ) : (
        <p>{trouble}</p>
      )}
      <div class="row">
        {trouble === undefined && (
          <button type="button" class="primary" onClick={take}>
            Take the picture
          </button>
        )}
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  );
}
