import { useQuery } from '@tanstack/react-query';

/** What this studio operates: its name, as the operator set it, else the address; and the version of the program. */
export function useMesh(): { name: string; version: string } {
  const { data } = useQuery({
    queryKey: ['studio', 'config'],
    queryFn: async (): Promise<{ mesh: string; version: string }> => (await fetch('/studio/config.json')).json(),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return { name: data?.mesh || location.host, version: data?.version ?? '' };
}
