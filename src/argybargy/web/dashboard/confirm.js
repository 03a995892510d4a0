// A button that has to be pressed twice.
import { cx, html, useEffect, useState } from "./ui.js";

export function SureButton({ label, sure, seconds = 3, act, kind = "", title, disabled }) {
  const [isArmed, setArmed] = useState(false);
  useEffect(() => {
    if (!isArmed) return undefined;
    const timer = setTimeout(() => setArmed(false), seconds * 1000);
    return () => clearTimeout(timer);
  }, [isArmed]);
  const onClick = () => {
    setArmed(!isArmed);
    if (isArmed) act();
  };
  return html`<button
    type="button"
    class=${cx(kind, isArmed && "armed")}
    title=${title}
    disabled=${disabled}
    onClick=${onClick}
  >
    <span aria-live="polite">${isArmed ? sure : label}</span>
  </button>`;
}
