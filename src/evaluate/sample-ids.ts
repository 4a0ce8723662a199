/** @file How prompts and their answers are named: in requests, in journals, as the keys of random numbers. */

/** Id of a prompt's request: unique over tasks, the key of its random numbers. */
export function requestId(task: string, promptId: string): string {
  return `${task}/${promptId}`;
}

/** Id of one answer to a prompt, and of its row. */
export function sampleId(request: string, sample: number): string {
  return `${request}#${sample}`;
}
