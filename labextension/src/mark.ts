/** The mark of Neronet: four nodes and the lines between them. */
import { LabIcon } from '@jupyterlab/ui-components';

const colour = (attribute: 'fill' | 'stroke'): string => `class="jp-icon3 jp-icon-selectable" ${attribute}="#616161"`;
const node = (x: number, y: number): string => `<circle ${colour('fill')} cx="${x}" cy="${y}" r="2"/>`;

export const mark = new LabIcon({
  name: 'neronet:mark',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16" fill="none"><path ${colour('stroke')} stroke-width="1.5" stroke-linejoin="round" d="M3.5 12.5v-9l9 9v-9"/>${node(3.5, 12.8)}${node(3.5, 3.2)}${node(12.5, 12.8)}${node(12.5, 3.2)}</svg>`
});
