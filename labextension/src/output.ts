/**
 * The figure under a `%%neronet` cell.  The output names runs, and the panel's kernel draws them: so it is live again
 * after a reload and after a restart of the notebook's own kernel, and while that kernel is busy.
 */
import type { IRenderMime } from '@jupyterlab/rendermime';
import { Panel } from '@lumino/widgets';
import type { Host } from './host';

export const MIME = 'application/vnd.neronet.figure+json';
const NAME = /^[A-Za-z_][\w./%-]*$/; // what a metric may be called; anything else is no name of one
const MOST = 10_000;

/** The call of neronet_jupyter.panel that makes the figure; nothing but numbers and a metric's name gets into it. */
export function callOf(data: unknown): string | null {
  const { runs, metric } = (data ?? {}) as { runs?: unknown; metric?: unknown };
  if (!Array.isArray(runs) || runs.length > MOST || !runs.every(run => Number.isSafeInteger(run) && run > 0)) {
    return null;
  }
  const name = typeof metric === 'string' && NAME.test(metric) ? `'${metric}'` : 'None';
  return `figure_model_id([${runs.join(', ')}], ${name})`;
}

class FigureOutput extends Panel implements IRenderMime.IRenderer {
  constructor(private readonly host: Host) {
    super();
    this.addClass('nn-figureoutput');
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const call = callOf(model.data[MIME]);
    if (call) {
      this.addWidget(this.host.place(call));
    }
    return Promise.resolve();
  }
}

export function figureOutputs(host: Host): IRenderMime.IRendererFactory {
  return { safe: true, mimeTypes: [MIME], defaultRank: -20, createRenderer: () => new FigureOutput(host) };
}
