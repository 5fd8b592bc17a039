import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../../src/operations/metrics.ts';

const NOW = new Date('2026-11-21T12:00:00Z');

function line(text: string, start: string): string[] {
  return text.split('\n').filter((each) => each.startsWith(start));
}

describe('metrics', () => {
  it('count what is recorded', async () => {
    const metrics = createMetrics({ version: '0.1.0', sources: {} });
    metrics.stepEnded('dump-database', 'succeeded', 12);
    metrics.appendTried('appended');
    metrics.appendTried('conflict');
    metrics.slackRateLimited('chat.update');
    metrics.refused('not-allowed');
    const text = await metrics.text();
    expect(line(text, 'kong_chatops_')).toEqual(
      expect.arrayContaining([
        'kong_chatops_step_seconds_bucket{le="15",step="dump-database",outcome="succeeded"} 1',
        'kong_chatops_step_seconds_bucket{le="5",step="dump-database",outcome="succeeded"} 0',
        'kong_chatops_appends_total{result="appended"} 1',
        'kong_chatops_appends_total{result="conflict"} 1',
        'kong_chatops_slack_rate_limited_total{method="chat.update"} 1',
        'kong_chatops_refusals_total{code="not-allowed"} 1',
        'kong_chatops_info{version="0.1.0"} 1',
      ]),
    );
    expect(metrics.contentType).toContain('text/plain');
  });

  it('ask their sources at each scrape, and say +Inf for a gateway that never had a verified backup', async () => {
    let depth = 3;
    const metrics = createMetrics({
      version: '0.1.0',
      clock: () => NOW,
      sources: {
        queueDepths: async () => ({ backup: depth, publish: 0 }),
        activeRuns: async () => 2,
        lastVerified: async () => [
          { gateway: 'production', at: new Date('2026-11-21T11:00:00Z') },
          { gateway: 'staging', at: null },
        ],
      },
    });
    expect(line(await metrics.text(), 'kong_chatops_')).toEqual(
      expect.arrayContaining([
        'kong_chatops_queue_depth{queue="backup"} 3',
        'kong_chatops_active_runs 2',
        'kong_chatops_last_verified_backup_age_seconds{gateway="production"} 3600',
        'kong_chatops_last_verified_backup_age_seconds{gateway="staging"} +Inf',
        'kong_chatops_metric_source_up{source="queue"} 1',
      ]),
    );
    depth = 0;
    expect(line(await metrics.text(), 'kong_chatops_queue_depth')).toEqual([
      'kong_chatops_queue_depth{queue="backup"} 0',
      'kong_chatops_queue_depth{queue="publish"} 0',
    ]);
  });

  it('leave out what a failing source would make untrue, and say that it is down', async () => {
    let down = false;
    const sources = {
      activeRuns: async () => {
        if (down) throw new Error('connection lost');
        return 1;
      },
    };
    const metrics = createMetrics({ version: '0.1.0', sources });
    expect(line(await metrics.text(), 'kong_chatops_active_runs')).toEqual(['kong_chatops_active_runs 1']);
    down = true;
    const text = await metrics.text();
    expect(line(text, 'kong_chatops_active_runs')).toEqual([]);
    expect(line(text, 'kong_chatops_metric_source_up')).toEqual(['kong_chatops_metric_source_up{source="runs"} 0']);
  });

  it('of two processes do not mix', async () => {
    const one = createMetrics({ version: '0.1.0', sources: {} });
    const two = createMetrics({ version: '0.1.0', sources: {} });
    one.refused('x');
    expect(line(await two.text(), 'kong_chatops_refusals_total')).toEqual([]);
  });
});
