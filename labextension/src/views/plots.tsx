/**
 * Buttons for the plots that a config.yaml defines, and the image of the one that was drawn.  An image is made by
 * code of the user's: it is shown in an <img>, where no script of an SVG runs, and never as a part of the page.
 */
import React from 'react';
import { view, type Act, type Props } from '../base';
import { Button, Confirm, IconButton, Loading, TroubleMessage, useAsk } from '../kit';
import { openFile } from '../shell';

interface Drawn {
  image: string;
  path: string;
  printed: string;
}

interface PlotsProps {
  plots: string[];
  act: Act;
  /** What the kernel draws: its part knows what this means. */
  of?: string;
}

export function Plots({ plots, act, of = '' }: PlotsProps): JSX.Element | null {
  const [ask, trouble, busy, forget] = useAsk();
  const [wanted, setWanted] = React.useState('');
  const [folder, setFolder] = React.useState('');
  const [drawn, setDrawn] = React.useState<Drawn | null>(null);
  if (!plots.length) {
    return null;
  }
  const drawing = async (name: string): Promise<void> => {
    setWanted(name);
    setFolder('');
    setDrawn(null);
    const answer = await act<{ untrusted?: string; image?: string; path?: string; printed?: string }>('draw', { name, of });
    if (answer.untrusted) {
      setFolder(answer.untrusted);
    } else {
      setDrawn({ image: answer.image ?? '', path: answer.path ?? '', printed: answer.printed ?? '' });
    }
  };
  const draw = (name: string): void => ask(() => drawing(name));
  const trust = (): void =>
    ask(async () => {
      await act('trust', { folder });
      await drawing(wanted);
    });
  return (
    <section className="nn-plots" aria-label="Plots">
      <div className="nn-cap">
        <b>Plots</b>
        {plots.map(name => (
          <Button key={name} disabled={busy} title={`Draw ${name}`} onClick={() => draw(name)}>
            {name}
          </Button>
        ))}
      </div>
      {folder && (
        <Confirm
          question={
            <>
              Trust this folder? Its Python code draws the plot on this computer and can do all that you can:{' '}
              <bdi title={folder}>{folder}</bdi>
            </>
          }
          yes="Trust"
          no="No"
          onYes={trust}
          onNo={() => setFolder('')}
        />
      )}
      <TroubleMessage trouble={trouble} onClose={forget} />
      {busy && !drawn && <Loading what={`Drawing ${wanted}`} />}
      {drawn && (
        <figure className="nn-plot">
          {/^data:image\/(svg\+xml|png|jpeg);base64,/.test(drawn.image) && <img src={drawn.image} alt={wanted} />}
          <figcaption className="nn-row nn-s nn-mut">
            <span className="nn-el nn-grow" title={drawn.path}>
              <bdi>{drawn.path}</bdi>
            </span>
            <IconButton icon="file" label={`Open ${wanted}`} onClick={() => void openFile(drawn.path)} />
            <IconButton icon="x" label="Close the plot" onClick={() => setDrawn(null)} />
          </figcaption>
          {drawn.printed && <pre className="nn-s nn-printed">{drawn.printed}</pre>}
        </figure>
      )}
    </section>
  );
}

function RunPlots({ state, act }: Props<{ plots: string[] }>): JSX.Element | null {
  return <Plots plots={state.plots} act={act} />;
}

export const PlotsView = view(RunPlots, 'nn-plotsview');
