/** Icons of 16 x 16, drawn in the text's colour. `s-`: the state of a run; `l-`: the link to a node. */
import React from 'react';

const SHAPES = {
  neronet: (
    <><path d="M3.5 12.5v-9l9 9v-9"/><g fill="currentColor" stroke="none"><circle cx="3.5" cy="12.8" r="2"/><circle cx="3.5" cy="3.2" r="2"/><circle cx="12.5" cy="12.8" r="2"/><circle cx="12.5" cy="3.2" r="2"/></g></>
  ),
  's-defined': <circle cx="8" cy="8" r="5.5" strokeDasharray="2.4 2.4"/>,
  's-submitting': <path d="M8 13V3.5M4 7.5l4-4 4 4" strokeWidth="2"/>,
  's-queued': <circle cx="8" cy="8" r="5.5"/>,
  's-pending': <><circle cx="8" cy="8" r="6"/><path d="M8 4.5V8l2.5 1.5"/></>,
  's-running': <path d="M4 2.5v11l9.5-5.5z" fill="currentColor"/>,
  's-finished': <path d="M2.5 8.8l3.6 3.7 7.4-9" strokeWidth="2.2"/>,
  's-failed': <path d="M3.5 3.5l9 9M12.5 3.5l-9 9" strokeWidth="2.4"/>,
  's-terminated': <path d="M3.5 3.5h9v9h-9z" fill="currentColor"/>,
  's-timeout': (
    <><path d="M3.5 2h9M3.5 14h9M4.5 2c0 4.5 7 7.5 7 12M11.5 2c0 4.5-7 7.5-7 12"/><path d="M5 13.500h6L8 9.500z" fill="currentColor" stroke="none"/></>
  ),
  's-lost': <path d="M5.2 5.800a2.9 2.9 0 1 1 4.3 2.600C8.4 9 8 9.5 8 10.500M8 13.400v.1" strokeWidth="2"/>,
  'l-ok': <circle cx="8" cy="8" r="4.5" fill="currentColor" stroke="none"/>,
  'l-wait': (
    <><circle cx="8" cy="8" r="5"/><path d="M8 3a5 5 0 0 1 0 10z" fill="currentColor" stroke="none"/></>
  ),
  'l-ask': (
    <><path d="M8 1.500L15.2 14.200H.800z" fill="currentColor" stroke="none"/><path d="M8 6v3.800M8 12v.1" stroke="var(--jp-layout-color1)" strokeWidth="1.7"/></>
  ),
  'l-down': <><circle cx="8" cy="8" r="5.5"/><path d="M4 12l8-8"/></>,
  'l-off': <path d="M4 8h8" strokeWidth="2"/>,
  plus: <path d="M8 3v10M3 8h10"/>,
  x: <path d="M4 4l8 8M12 4l-8 8"/>,
  tick: <path d="M3 8.500l3.5 3.500L13 4.5" strokeWidth="2.5"/>,
  down: <path d="M4 6l4 4.500L12 6"/>,
  right: <path d="M6 4l4.5 4L6 12"/>,
  left: <path d="M10 4L5.5 8l4.5 4"/>,
  dots: (
    <g fill="currentColor" stroke="none"><circle cx="3" cy="8" r="1.3"/><circle cx="8" cy="8" r="1.3"/><circle cx="13" cy="8" r="1.3"/></g>
  ),
  filter: <path d="M2 3.500h12L9.5 9v4l-3-1.500V9z"/>,
  columns: <path d="M2.5 3h11v10h-11zM6.2 3v10M9.9 3v10"/>,
  group: <path d="M2.5 3.500h11M5.5 8h8M5.5 12.500h8M2.5 3.500v9M2.5 8h1M2.5 12.500h1"/>,
  open: <path d="M7 3.500H3v9.500h9.500V9M9.5 2.500h4v4M13.5 2.500L7.5 8.5"/>,
  folder: <path d="M2 12.500v-9h4.500L8 5h6v7.500z"/>,
  file: <path d="M4 2h5.500L12.5 5v9H4zM6.2 8h4M6.2 10.800h4"/>,
  search: <><circle cx="7" cy="7" r="4.2"/><path d="M10.2 10.200L14 14"/></>,
  copy: <path d="M5.5 5.500h8v8h-8zM10.5 5.500v-3h-8v8h3"/>,
  save: <path d="M2.5 2.500h9l2 2v9h-11zM5 2.500v4h5.500v-4M5 13.500v-4h6v4"/>,
  zip: (
    <path d="M6.5 9.500l3-3M7.5 5l1.7-1.700a2.6 2.6 0 0 1 3.6 3.600L11 8.600M8.5 11l-1.7 1.700a2.6 2.6 0 0 1-3.6-3.600L5 7.4"/>
  ),
  rerun: <path d="M12.8 8a4.8 4.8 0 1 1-1.5-3.500M11.6 1.800v3h-3"/>,
  plot: <path d="M2.5 2.500v11h11M5 10.500l2.5-3.5 2 1.8 3.5-5"/>,
  log: <path d="M2.5 4h11M2.5 8h11M2.5 12h7"/>,
  compare: <path d="M3 2.500v11M8 2.500v11M13 2.500v11M3 5l5 6 5-6.5" />,
  pin: <path d="M8 13.500V9.500M4.5 9.500h7L10 6.500v-4H6v4z"/>,
  tag: <path d="M2.5 2.500h5.500l5.5 5.500-5.5 5.500-5.5-5.500zM5.5 5.500v.1"/>,
  node: <path d="M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5v.1M5 11v.1"/>,
  target: <><circle cx="8" cy="8" r="4.5"/><path d="M8 1.500v4M8 10.500v4M1.500 8h4M10.500 8h4"/></>,
  end: <path d="M8 2.500v7.500M4.5 7L8 10.5 11.5 7M3.5 13.500h9"/>,
};

export type IconName = keyof typeof SHAPES;

export function isIcon(name: string): name is IconName {
  return name in SHAPES;
}

export function Icon({ name, className = '' }: { name: IconName; className?: string }): JSX.Element {
  return (
    <svg className={`nn-i ${className}`} viewBox="0 0 16 16" aria-hidden="true">
      {SHAPES[name]}
    </svg>
  );
}
