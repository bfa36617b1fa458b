import { startProcess } from './process.js'

/** nginx with one worker, connections to targets kept open, bodies passed on as they come and never by way of a file. `method`: a line of its `upstream` block. */
export function startNginx (method, origins, core) {
  return startProcess('nginx', {
    core,
    args: (file, dir) => ['-p', dir, '-e', 'stderr', '-c', file],
    config: ({ port, dir }) => `
daemon off;
worker_processes 1;
pid ${dir}/pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  upstream shop {
    ${method};
    ${origins.map(origin => `server ${new URL(origin).host};`).join(' ')}
    keepalive 1024;
    keepalive_requests 1000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://shop;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      client_max_body_size 0;
      proxy_request_buffering off;
      proxy_buffers 8 32k;
      proxy_max_temp_file_size 0;
    }
  }
}
`
  })
}
