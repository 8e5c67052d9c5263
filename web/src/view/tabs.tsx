import { signal } from "@preact/signals";
import type { ComponentType } from "preact";

interface Tab {
  readonly id: string;
  readonly title: string;
  readonly body: ComponentType;
}

export const openTab = signal("compare");

/** Tabs as WAI-ARIA describes them: arrow keys move, only the open panel is there. */
export function Tabs({ label, tabs }: { readonly label: string; readonly tabs: readonly Tab[] }) {
  const index = Math.max(
    0,
    tabs.findIndex(({ id }) => id === openTab.value),
  );
  const move = (to: number): void => {
    const next = tabs[(to + tabs.length) % tabs.length];
    if (next === undefined) return;
    openTab.value = next.id;
    document.getElementById(`tab-${next.id}`)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const target = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    move(target);
  };
  const open = tabs[index];
  const Body = open?.body;
  return (
    <section class="tools">
      <div role="tablist" aria-label={label} onKeyDown={onKeyDown}>
        {tabs.map(({ id, title }) => (
          <button
            key={id}
            type="button"
            role="tab"
            id={`tab-${id}`}
            aria-selected={id === open?.id}
            aria-controls={`panel-${id}`}
            tabIndex={id === open?.id ? 0 : -1}
            onClick={() => (openTab.value = id)}
          >
            {title}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`panel-${open?.id}`} aria-labelledby={`tab-${open?.id}`} class="panel">
        {Body !== undefined && <Body />}
      </div>
    </section>
  );
}
