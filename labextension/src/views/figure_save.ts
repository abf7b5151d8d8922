/** A figure as a file: what is on the page, with its colours written out, so that it looks the same elsewhere. */

const KEPT = [
  'fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-dasharray', 'stroke-linecap', 'stroke-linejoin', 'opacity', 'font-family',
  'font-size', 'font-weight', 'text-anchor', 'dominant-baseline', 'display', 'visibility'
];

/** The SVG elements of `holder`, one upon the other, as one document. */
export function toSvg(holder: HTMLElement): string {
  const box = holder.getBoundingClientRect();
  const whole = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  whole.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  whole.setAttribute('width', String(box.width));
  whole.setAttribute('height', String(box.height));
  const ground = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  ground.setAttribute('width', '100%');
  ground.setAttribute('height', '100%');
  ground.setAttribute('fill', getComputedStyle(document.body).getPropertyValue('--jp-layout-color1').trim() || '#fff');
  whole.appendChild(ground);
  for (const layer of Array.from(holder.querySelectorAll<SVGSVGElement>('.svg-background, .svg-figure, .nn-fig-over'))) {
    const copy = layer.cloneNode(true) as SVGSVGElement;
    const place = layer.getBoundingClientRect();
    copy.setAttribute('x', String(place.left - box.left));
    copy.setAttribute('y', String(place.top - box.top));
    copy.setAttribute('width', String(place.width));
    copy.setAttribute('height', String(place.height));
    copy.removeAttribute('class');
    copyStyles(layer, copy);
    copy.querySelectorAll('.nn-fig-cross, .plotarea_events, .plotarea_background').forEach(each => each.remove());
    whole.appendChild(copy);
  }
  return new XMLSerializer().serializeToString(whole);
}

function copyStyles(from: Element, to: Element): void {
  const style = getComputedStyle(from);
  to.setAttribute('style', KEPT.map(name => `${name}:${style.getPropertyValue(name)}`).join(';'));
  for (let i = 0; i < from.children.length; i++) {
    copyStyles(from.children[i], to.children[i]);
  }
}

export async function save(holder: HTMLElement, name: string, kind: 'png' | 'svg'): Promise<void> {
  const text = toSvg(holder);
  const svg = new Blob([text], { type: 'image/svg+xml' });
  offer(kind === 'svg' ? svg : await toPng(svg, holder.getBoundingClientRect()), `${name}.${kind}`);
}

async function toPng(svg: Blob, size: DOMRect): Promise<Blob> {
  const sharp = Math.max(2, window.devicePixelRatio);
  const image = new Image();
  const url = URL.createObjectURL(svg);
  try {
    image.src = url;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = size.width * sharp;
    canvas.height = size.height * sharp;
    const context = canvas.getContext('2d');
    context?.scale(sharp, sharp);
    context?.drawImage(image, 0, 0, size.width, size.height);
    return await new Promise((done, fail) => {
      canvas.toBlob(blob => (blob ? done(blob) : fail(new Error('The picture is too large for this browser.'))));
    });
  } finally {
    URL.revokeObjectURL(url);
  }
}

function offer(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/[^\w.,=+-]+/g, '_');
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
